"""Seconds for alpha with its 95 % interval: `python benchmarks/agreement.py`. Budget: 3 s for the first.

Random labels in memory, no database. Prints a JSON line a case, with the point by the `krippendorff` package
for comparison.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from qa.statistics.agreement import Units, alpha_with_interval, mirrored, point  # noqa: E402
from qa.statistics.label_sets import distances  # noqa: E402


def labels(chance: np.random.Generator, *, items: int, people: int, values: int) -> Any:
    """Counts by value: each label is right in seven of ten cases, else any."""
    truth = chance.integers(0, values, items)
    given = np.where(
        chance.random((items, people)) < 0.7, truth[:, None], chance.integers(0, values, (items, people))
    )
    return np.stack([(given == value).sum(axis=1) for value in range(values)], axis=1)


def cases(items: int) -> list[tuple[str, Units, Any]]:
    chance = np.random.default_rng(1)
    nominal = labels(chance, items=items, people=4, values=5)
    many = labels(chance, items=items, people=4, values=20)
    pairs = chance.multinomial(3, [0.25, 0.1, 0.65], size=items)
    sets = [frozenset(names) for names in ("a", "b", "c", "ab", "ac", "bc", "abc")]
    of_sets = labels(chance, items=items, people=4, values=len(sets))
    each = np.arange(items)
    return [
        ("nominal, 5 values, 4 labels", Units(nominal, each, tuple(range(5))), "nominal"),
        ("ordinal, 5 values, 4 labels", Units(nominal, each, tuple(range(5))), "ordinal"),
        ("nominal, 20 values, 4 labels", Units(many, each, tuple(range(20))), "nominal"),
        ("MASI, 7 sets, 4 labels", Units(of_sets, each, tuple(sets)), distances(sets)),
        ("pairs of 2 candidates, 3 votes", mirrored(Units(pairs, each, (-1, 0, 1))), "ordinal"),
        ("pairs of 4 candidates, 3 votes", mirrored(Units(pairs, each // 6, (-1, 0, 1))), "ordinal"),
    ]


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--items", type=int, default=100_000)
    reader.add_argument("--draws", type=int, default=1000)
    wanted = reader.parse_args()
    for name, units, level in cases(wanted.items):
        started = time.perf_counter()
        found = alpha_with_interval(units, level=level, draws=wanted.draws, seed=1)
        seconds = time.perf_counter() - started
        started = time.perf_counter()
        alone = point(units.counts, values=units.values, level=level)
        print(
            json.dumps(
                {
                    "case": name,
                    "units": found.units,
                    "tasks": found.items,
                    "alpha": round(found.alpha or 0, 4),
                    "low": round(found.low or 0, 4),
                    "high": round(found.high or 0, 4),
                    "seconds": round(seconds, 3),
                    "point_by_package": round(alone, 4),
                    "seconds_of_package_for_the_point": round(time.perf_counter() - started, 3),
                }
            )
        )


if __name__ == "__main__":
    main()
