"""PPO beside TRL: `python benchmarks/ppo.py --trl-python trl112/bin/python [--updates 20] [--repeats 5]`.

Both sides get the same weights, prompts, reward model and settings, and answers of one fixed length (nobody
stops at the end token), on one thread; they take turns, each time in a process of its own. Counted is what a
process spends on the updates after the warm-up. The models come from the simulated world, which is trained
once into --home (two minutes). TRL dropped PPO after 1.12, so it needs its own environment: how to make it
stands in tests/training/engine/golden/make_golden.py.

What each side learned is measured afterwards, on held-out prompts with fresh answers of the same length: the
score of the reward model, the KL to the starting policy, and the true score of the simulated world for the
text up to the first end token.

On a GPU (--device cuda) the seconds are wall time, and memory is the allocator's peak.
"""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers.utils.logging import disable_progress_bar

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from training.engine.adapters import computes_in_bfloat16  # noqa: E402
from training.engine.demo_world import claim, stages_of  # noqa: E402
from training.engine.demo_world_data import write_world  # noqa: E402
from training.engine.demo_world_stages import Settings  # noqa: E402
from training.engine.dialogue import prompt_ids  # noqa: E402
from training.engine.frozen_data import FrozenVersion  # noqa: E402
from training.engine.model_files import load_policy, load_scorer, load_tokenizer  # noqa: E402
from training.engine.ppo_math import token_kl, token_logprobs  # noqa: E402
from training.engine.rollout import Ids, answer_logits, cut_after_end, lay_out, sample_answers  # noqa: E402
from training.engine.scoring import score_sequences  # noqa: E402
from training.simulated_world import true_score  # noqa: E402

CPU = torch.device("cpu")
WORLD_SEED = 1
PEER = "TRL 1.12"
# A token that no model writes: with it as the end, every answer has the full length.
NEVER = -1
WARM_UP_UPDATES = 3
BATCH, MINIBATCHES, EPOCHS, ANSWER_TOKENS = 64, 2, 2, 40
# Named as in training/configs.py; ppo_trl.py says them in TRL's words.
SETTINGS: dict[str, Any] = {
    "batch_size": BATCH,
    "minibatches": MINIBATCHES,
    "epochs": EPOCHS,
    "rollout_batch_size": BATCH,
    "max_new_tokens": ANSWER_TOKENS,
    "learning_rate": 2e-4,
    "value_learning_rate": 2e-4,
    "warmup_updates": 0,
    "kl_coefficient": 0.15,
    "kl_target": 0.0,
    "policy_clip": 0.2,
    "value_clip": 0.2,
    "gamma": 1.0,
    "lam": 0.95,
    "temperature": 1.0,
    "value_coefficient": 0.1,
    "missing_end_penalty": 0.0,
    # The reward model is divided by its deviation beforehand, for both sides.
    "normalise_scores": False,
}


@dataclasses.dataclass(frozen=True)
class System:
    """A side of the comparison: its interpreter, its script, and its settings besides the common ones."""

    name: str
    python: str
    script: str
    changes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class World:
    """Where the common models lie, and the prompts as token ids."""

    policy: Path
    reward_model: Path
    train: list[Ids]
    heldout: list[Ids]
    tokenizer: Any


def prepare(home: Path) -> World:
    """Train the simulated world up to its reward model, once; later calls find it in `home`."""
    settings = Settings()
    claim(home, seed=WORLD_SEED, settings=settings)
    data, counted = home / "data", home / "data" / "counts.json"
    if not counted.exists():
        counts = write_world(data, seed=WORLD_SEED, sizes=settings.sizes)
        counted.write_text(json.dumps(counts))
    stages = stages_of(home, seed=WORLD_SEED, settings=settings, hack=False, threads=1)
    for name in ("pretrain", "sft", "reward"):
        stages[name].run(lambda sentence: print(sentence, file=sys.stderr))
    tokenizer = load_tokenizer(stages["sft"].output)
    version = FrozenVersion(data / "prompts")
    train, heldout = (
        [prompt_ids(tokenizer, prompt) for prompt in version.prompts(split)] for split in ("train", "heldout")
    )
    world = World(stages["sft"].output, home / "divided-reward-model", train, heldout, tokenizer)
    if not world.reward_model.exists():
        save_divided(stages["reward"].output, world)
    return world


@torch.no_grad()
def save_divided(reward_model: Path, world: World) -> None:
    """Divide the scores by their deviation on the starting policy's answers, so that the KL weighs alike."""
    scorer = load_scorer(reward_model, world.tokenizer, CPU)
    policy = load_policy(world.policy, world.tokenizer, CPU)
    prompts = world.train[:256]
    scores = scored(scorer, prompts, answers_of(policy, prompts, world), world)
    scorer.score.weight.div_(torch.tensor(scores).std())
    scorer.save_pretrained(world.reward_model)
    world.tokenizer.save_pretrained(world.reward_model, save_jinja_files=False)


def answers_of(policy: Any, prompts: Sequence[Ids], world: World) -> list[Ids]:
    return sample_answers(
        policy,
        prompts,
        end=NEVER,
        pad=world.tokenizer.pad_token_id,
        max_new_tokens=ANSWER_TOKENS,
        temperature=1.0,
        generator=torch.Generator().manual_seed(77),
        batch_size=BATCH,
    )


def scored(scorer: Any, prompts: Sequence[Ids], answers: Sequence[Ids], world: World) -> list[float]:
    sequences = [prompt + answer for prompt, answer in zip(prompts, answers, strict=True)]
    pad = world.tokenizer.pad_token_id
    return score_sequences(scorer, sequences, pad=pad, batch_size=BATCH, device=CPU).tolist()


@torch.no_grad()
def learned(policy: Any, world: World) -> dict[str, float]:
    """Figures of a policy on the held-out prompts."""
    reference = load_policy(world.policy, world.tokenizer, CPU).eval()
    scorer = load_scorer(world.reward_model, world.tokenizer, CPU)
    answers = answers_of(policy, world.heldout, world)
    pad, end = world.tokenizer.pad_token_id, world.tokenizer.eos_token_id
    layout = lay_out(world.heldout, answers, pad=pad, width=ANSWER_TOKENS, device=CPU)
    ours, theirs = (
        token_logprobs(answer_logits(model, layout, temperature=1.0), layout.answers)
        for model in (policy, reference)
    )
    ids = [cut_after_end(answer, end) for answer in answers]
    texts = world.tokenizer.batch_decode(ids, skip_special_tokens=True)
    return {
        "score": statistics.mean(scored(scorer, world.heldout, answers, world)),
        "kl": float(token_kl(ours, theirs, layout.mask).sum(1).mean()),
        "true": statistics.mean(true_score("", text) for text in texts),
        "distinct": len(set(texts)) / len(texts),
    }


def run(system: System, world: World, home: Path, *, seed: int, updates: int, device: str) -> dict[str, Any]:
    """Train in a process of its own; what it said of itself, and what it learned."""
    plan = {
        "policy": str(world.policy),
        "reward_model": str(world.reward_model),
        "output": str(home / "trained"),
        "prompts": world.train,
        "warm_up": WARM_UP_UPDATES,
        "device": device,
        "settings": SETTINGS | system.changes | {"seed": seed, "updates": WARM_UP_UPDATES + updates},
    }
    (home / "plan.json").write_text(json.dumps(plan))
    quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    with (home / "errors").open("w") as errors:
        finished = subprocess.run(
            [system.python, str(HERE / system.script), str(home / "plan.json")],
            env={**os.environ, "PYTHONPATH": str(HERE.parent), **quiet},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    if finished.returncode:
        sys.exit(f"{system.name} ended with {finished.returncode}:\n{(home / 'errors').read_text()[-3000:]}")
    measured: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    samples = updates * BATCH
    measured["samples"] = samples / measured["seconds"]
    measured["generated"] = samples * ANSWER_TOKENS / measured["seconds"]
    measured["trained"] = EPOCHS * measured["generated"]
    policy = load_policy(home / "trained", world.tokenizer, CPU).eval()
    return measured | learned(policy, world)


def systems(options: argparse.Namespace) -> list[System]:
    def ours(name: str, **changes: Any) -> System:
        return System(name, sys.executable, "ppo_ours.py", changes)

    pair = [ours("ours"), System(PEER, str(options.trl_python), "ppo_trl.py")]
    if options.only_the_pair:
        return pair
    others = [ours("ours, shared trunk", value_model="shared")]
    if computes_in_bfloat16(torch.device(options.device)):
        others.append(ours("ours, bfloat16", precision="bfloat16"))
    return pair + others


def middle_and_range(values: Sequence[float]) -> str:
    digits = 0 if min(values) >= 100 else 1 if min(values) >= 10 else 2
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


ROWS = {
    "samples / s": "samples",
    "generated tokens / s": "generated",
    "trained tokens / s": "trained",
    "peak MiB": "peak_mib",
    "held-out score": "score",
    "KL, nats an answer": "kl",
    "true score": "true",
    "distinct answers": "distinct",
}


def table(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """A row a figure, a column a system, median and range over the repeats."""
    yield "| figure | " + " | ".join(results) + " |"
    yield "| --- |" + " --- |" * len(results)
    for title, name in ROWS.items():
        cells = [middle_and_range([each[name] for each in repeats]) for repeats in results.values()]
        yield f"| {title} | " + " | ".join(cells) + " |"
    for phase in ("rollout", "score", "forward", "learn"):
        cells = [
            middle_and_range([1000 * each["phases"][phase] for each in repeats])
            if "phases" in repeats[0]
            else ""
            for repeats in results.values()
        ]
        yield f"| ms an update: {phase} | " + " | ".join(cells) + " |"
    cells = [middle_and_range(ratios(each, results[PEER])) for each in results.values()]
    yield f"| samples / s over {PEER}'s, by repeat | " + " | ".join(cells) + " |"


def ratios(mine: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> list[float]:
    """Of neighbours in time, so that what the machine did besides touched both."""
    return [our["samples"] / their["samples"] for our, their in zip(mine, theirs, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trl-python", type=Path, required=True, help="the interpreter that has trl 1.12")
    parser.add_argument("--updates", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--home", type=Path, help="where the models are kept for the next time")
    parser.add_argument("--only-the-pair", action="store_true", help="no shared trunk and no bfloat16")
    options = parser.parse_args()
    torch.set_num_threads(1)
    disable_progress_bar()
    with tempfile.TemporaryDirectory() as directory:
        world = prepare((options.home or Path(directory, "world")).resolve())
        sides = systems(options)
        results: dict[str, list[dict[str, Any]]] = {system.name: [] for system in sides}
        for repeat in range(options.repeats):
            turn = repeat % len(sides)
            for system in sides[turn:] + sides[:turn]:
                measured = run(
                    system,
                    world,
                    Path(directory),
                    seed=100 + repeat,
                    updates=options.updates,
                    device=options.device,
                )
                results[system.name].append(measured)
                print(f"{repeat + 1}. {system.name}: {measured['samples']:.1f} samples/s", file=sys.stderr)
        start = learned(load_policy(world.policy, world.tokenizer, CPU).eval(), world)
    print("\n".join(table(results)))
    print(f"Before the training: score {start['score']:.2f}, true score {start['true']:.2f}.")


if __name__ == "__main__":
    main()
