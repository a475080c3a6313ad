"""The demonstration without the platform: a simulated world, the four stages on it, and what they reached.

Everything is simulated: questions, answers and annotators come from rules (training/simulated_world.py), so
the true score of an answer is known. The model learns the form of the answers, not facts.

usage: python -m training.engine.demo_world --seed 1 --home DIR [--hack] [--json]
"""

import argparse
import json
import logging
import os
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from training.engine.demo_world_data import COUNTS, write_world
from training.engine.demo_world_figures import policy_figures, reward_figures
from training.engine.demo_world_stages import Settings, Stage, claim
from training.engine.failures import EngineFailure

Say = Callable[[str], None]
Document = dict[str, Any]
NOTE = "Simulated: no person wrote or judged this. The model learned the form of these answers, not facts."


def run_world(*, home: Path, seed: int, settings: Settings, hack: bool, threads: int, say: Say) -> Document:
    """Write the world, train the four stages on it and measure. What a stopped call finished is kept.

    Raises HomeTaken and StageFailed.
    """
    home = home.resolve()
    claim(home, seed=seed, settings=settings)
    if not (home / "data").exists():
        say("Writing the simulated world")
        write_world(home / "data", seed=seed, sizes=settings.sizes)
    stages = stages_of(home, seed=seed, settings=settings, hack=hack, threads=threads)
    results = {name: stage.run(say) for name, stage in stages.items()}
    say("Measuring on the held-out prompts")
    torch.set_num_threads(threads)
    figures: Document = {
        "simulated": True,
        "note": NOTE,
        "seed": seed,
        "hack": hack,
        "threads": threads,
        "labels": json.loads((home / "data" / COUNTS).read_text(encoding="utf-8")),
        "alarms": stages["ppo"].alarms(),
        "alarms_of_the_model": results["ppo"].get("alarms", []),
        "last_samples": stages["ppo"].last_samples(),
        "ppo": results["ppo"]["metrics"],
        "cpu_seconds": {name: result["cpu_seconds"] for name, result in results.items()},
    }
    figures |= reward_figures(version=home / "data" / "preferences", reward_model=stages["reward"].output)
    measured, figures["samples"] = policy_figures(
        version=home / "data" / "prompts",
        skip=settings.sizes.choosing_prompts,
        sft=stages["sft"].output,
        ppo=stages["ppo"].output,
        max_new_tokens=stages["ppo"].config["max_new_tokens"],
        seed=seed,
    )
    figures |= measured
    figures["cpu_seconds"]["all"] = spent()
    name = "figures-hack.json" if hack else "figures.json"
    (home / name).write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return figures


def stages_of(home: Path, *, seed: int, settings: Settings, hack: bool, threads: int) -> dict[str, Stage]:
    data = home / "data"

    def stage(name: str, config: Mapping[str, Any], *, module: str, **inputs: Path) -> Stage:
        return Stage(
            module=f"training.engine.{module}",
            stage=name.partition("-")[0],
            directory=home / name,
            config={**config, "seed": seed},
            inputs=inputs,
            threads=threads,
        )

    pretrain = stage("pretrain", settings.pretrain, module="pretrain", dataset=data / "corpus")
    sft = stage("sft", settings.sft, module="sft", dataset=data / "demonstrations", model=pretrain.output)
    reward = stage("reward", settings.reward, module="reward", dataset=data / "preferences", model=sft.output)
    ppo = stage(
        "ppo-hack" if hack else "ppo",
        {**(settings.hack if hack else settings.ppo), "evaluation_rows": settings.sizes.choosing_prompts},
        module="demo_world_hack" if hack else "demo_world_ppo",
        dataset=data / "prompts",
        model=sft.output,
        reward_model=reward.output,
    )
    return {"pretrain": pretrain, "sft": sft, "reward": reward, "ppo": ppo}


def spent() -> float:
    """CPU-seconds of this process and of all stages it started."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return round(sum(usage.ru_utime + usage.ru_stime for usage in usages), 1)


def table(figures: Mapping[str, Any]) -> str:
    def with_error(name: str) -> str:
        return f"{figures[name]:.3f} ± {figures[f'{name}_se']:.3f}"

    def both(name: str) -> str:
        return f"{figures[f'{name}_before']:.3f} -> {figures[f'{name}_after']:.3f}"

    labels, kept = figures["labels"], figures["alarms_of_the_model"]
    rows = [
        ("annotators excluded by gold", f"{labels['annotators_excluded']} of {labels['annotators']}"),
        ("pairs released, ties dropped", f"{labels['pairs']}, {labels['ties']}"),
        ("reward model: released labels", with_error("reward_accuracy")),
        ("reward model: true order", with_error("reward_true_accuracy")),
        ("true score, SFT -> PPO", both("true_score")),
        ("true gain, paired", with_error("true_gain")),
        ("KL per answer, nats", f"{figures['kl_sequence']:.2f}"),
        ("distinct answers", both("distinct")),
        ("complete answers (form)", both("form")),
        ("polite once", both("polite_once")),
        ("rude", both("rude")),
        ("length ratio", f"{figures['length_ratio']:.2f}"),
        ("alarms raised", ", ".join(sorted({alarm["kind"] for alarm in figures["alarms"]})) or "none"),
        ("alarms of the model kept", ", ".join(each["kind"] for each in kept) or "none"),
        ("CPU-seconds of this call", f"{figures['cpu_seconds']['all']:.0f}"),
    ]
    title = f"Simulated world, seed {figures['seed']}{', made to hack' if figures['hack'] else ''}"
    return "\n".join([title, *(f"  {name:<32}{value}" for name, value in rows), NOTE, ""])


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.engine.demo_world", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, required=True, help="a directory for this seed alone")
    parser.add_argument("--hack", action="store_true", help="PPO made to hack, against a rule")
    parser.add_argument("--json", action="store_true", help="the figures as JSON instead of a table")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--settings", type=Path, help="JSON with changed settings, by stage")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    options = parsed(arguments)
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    changes = json.loads(options.settings.read_text(encoding="utf-8")) if options.settings else {}
    try:
        figures = run_world(
            home=options.home,
            seed=options.seed,
            settings=Settings().changed(changes),
            hack=options.hack,
            threads=options.threads,
            say=logging.info,
        )
    except EngineFailure as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write(json.dumps(figures, indent=1) + "\n" if options.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
