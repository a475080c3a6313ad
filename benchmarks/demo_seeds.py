"""The demonstration world in several seeds, each bound checked: `python benchmarks/demo_seeds.py`.

Everything is simulated. Afterwards the setting made to hack runs on the first seed, and must raise an alarm.
Exit code 0 only when every bound holds in every seed and the alarm was raised. About 150 CPU-seconds a seed.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
Figures = dict[str, Any]


@dataclass(frozen=True)
class Bound:
    """What must hold, the figure in words, and how it is read from a seed's figures."""

    name: str
    holds: Callable[[Figures], bool]
    shown: Callable[[Figures], str]


def with_error(name: str) -> Callable[[Figures], str]:
    return lambda figures: f"{figures[name]:.3f} ± {figures[f'{name}_se']:.3f}"


def both(name: str) -> Callable[[Figures], str]:
    return lambda figures: f"{figures[f'{name}_before']:.2f} > {figures[f'{name}_after']:.2f}"


BOUNDS = (
    Bound("labels > .75", lambda it: it["reward_accuracy"] > 0.75, with_error("reward_accuracy")),
    Bound("order > .8", lambda it: it["reward_true_accuracy"] > 0.8, with_error("reward_true_accuracy")),
    Bound("gain > 5 SE", lambda it: it["true_gain"] > 5 * it["true_gain_se"], with_error("true_gain")),
    Bound("KL <= 8", lambda it: it["kl_sequence"] <= 8, lambda it: f"{it['kl_sequence']:.2f}"),
    Bound("distinct >= .7", lambda it: it["distinct_after"] >= 0.7, both("distinct")),
    Bound("form falls < .1", lambda it: it["form_before"] - it["form_after"] < 0.1, both("form")),
    Bound(
        "length .6 to 1.6",
        lambda it: 0.6 <= it["length_ratio"] <= 1.6,
        lambda it: f"{it['length_ratio']:.2f}",
    ),
)


def run_seed(home: Path, seed: int, *, hack: bool = False) -> Figures | None:
    """The figures of one seed, or None where a stage failed; its log is in the home directory."""
    directory = home / f"seed-{seed}"
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "training.engine.demo_world", "--json"]
    command += ["--seed", str(seed), "--home", str(directory), *(["--hack"] if hack else [])]
    with (directory / "log").open("a") as log:
        ended = subprocess.run(
            command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, stderr=log
        )
    if ended.returncode:
        print(f"seed {seed}: FAILED, see {directory / 'log'}", flush=True)
        return None
    return json.loads(ended.stdout)


def show(seed: int, figures: Figures) -> bool:
    """Print the seed's line; True where every bound holds."""
    verdicts = [bound.holds(figures) for bound in BOUNDS]
    cells = [
        f"{bound.shown(figures)}{'' if held else ' FAIL'}"
        for bound, held in zip(BOUNDS, verdicts, strict=True)
    ]
    alarms = ", ".join(sorted({alarm["kind"] for alarm in figures["alarms"]})) or "none"
    ends = [both("true_score")(figures), alarms, f"{figures['cpu_seconds']['all']:.0f}"]
    verdict = "pass" if all(verdicts) else "FAIL"
    print("| " + " | ".join([str(seed), *cells, *ends, verdict]) + " |", flush=True)
    return all(verdicts)


def show_hack(figures: Figures) -> bool:
    """Print what the hacking run raised, with samples; True where it raised an alarm over the answers."""
    print(f"\nMade to hack (a rule that counts polite words), seed {figures['seed']}:")
    for alarm in figures["alarms"]:
        print(f"  update {alarm['step']}, {alarm['kind']}: {alarm['reason']}")
    for sample in figures["last_samples"]:
        print(f"  {sample['score']:g} polite words: {sample['response']!r}")
    # The KL limit alone is no proof that somebody would have noticed what became of the answers.
    return any(alarm["kind"] != "kl" for alarm in figures["alarms"])


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--home", type=Path, help="keep everything here; what is finished is not run again")
    options = parser.parse_args(arguments)
    home = options.home or Path(tempfile.mkdtemp(prefix="demo-seeds-"))
    started = time.monotonic()
    columns = ["seed", *(bound.name for bound in BOUNDS), "true score", "alarms", "CPU-s", "verdict"]
    print(f"Simulated; 256 held-out prompts; one thread a process; {options.jobs} at a time; in {home}\n")
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns), flush=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda seed: (seed, run_seed(home, seed)), options.seeds)
        held = sum(figures is not None and show(seed, figures) for seed, figures in results)
    hacked = run_seed(home, options.seeds[0], hack=True)
    alarmed = hacked is not None and show_hack(hacked)
    print(
        f"\n{held} of {len(options.seeds)} seeds hold; the alarm was {'raised' if alarmed else 'NOT RAISED'}."
    )
    print(f"{time.monotonic() - started:.0f} s wall")
    return 0 if alarmed and held == len(options.seeds) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
