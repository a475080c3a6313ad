"""Who agrees with whom: for each pair of people, on how many units both gave a value, and the same value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Given = Mapping[str, Sequence[tuple[int, int]]]


@dataclass(frozen=True)
class PairOfPeople:
    """`same` of `compared` units; raw counts, not corrected for chance."""

    first: str
    second: str
    same: int
    compared: int


def pairs_of_people(given: Given, *, most: int) -> list[PairOfPeople]:
    """Of the `most` people who gave the most; pairs who never met are left out.

    `given`: person -> (unit, value), each unit at most once a person. The labels are sorted by unit, and
    those that stand so and so many places apart are compared at once, so the cost is that of sorting.
    """
    names = sorted(sorted(given, key=lambda name: (-len(given[name]), name))[:most])
    rows = [(unit, at, value) for at, name in enumerate(names) for unit, value in given[name]]
    if not rows:
        return []
    table = np.array(rows, dtype=np.int64)
    same, compared = _counts(table[np.lexsort((table[:, 1], table[:, 0]))], len(names))
    return [
        PairOfPeople(names[one], names[other], int(same[one, other]), int(compared[one, other]))
        for one, other in combinations(range(len(names)), 2)
        if compared[one, other]
    ]


def _counts(table: Counts, people: int) -> tuple[Counts, Counts]:
    same = np.zeros((people, people), dtype=np.int64)
    compared = np.zeros((people, people), dtype=np.int64)
    for apart in range(1, people):
        before, after = table[:-apart], table[apart:]
        met = before[:, 0] == after[:, 0]
        if not met.any():
            break
        before, after = before[met], after[met]
        np.add.at(compared, (before[:, 1], after[:, 1]), 1)
        np.add.at(same, (before[:, 1], after[:, 1]), before[:, 2] == after[:, 2])
    return same, compared
