"""Who agrees with whom, as a square table: each cell the share of the same answers, and of how many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qa.statistics.proportions import wilson, z_of_many

# Shares are shaded in steps, so that the colour is a class of the style sheet.
STEPS = (0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Cell:
    """`is_low`: even the upper end of its interval is under the share over all pairs. The intervals of all
    pairs together hold in 95 %; but judgements of one task count as independent: a hint, and no test.
    """

    percent: int
    same: int
    compared: int
    shade: int
    is_low: bool


@dataclass(frozen=True)
class Matrix:
    names: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Cell | None]]]
    percent: int


def matrix(pairs: Sequence[Mapping[str, Any]]) -> Matrix | None:
    """None where fewer than two people met; a cell is None where two people never did."""
    compared = sum(pair["compared"] for pair in pairs)
    if not compared:
        return None
    overall, z = sum(pair["same"] for pair in pairs) / compared, z_of_many(len(pairs))
    cells = {}
    for pair in pairs:
        cell = _cell(pair["same"], pair["compared"], overall, z)
        cells[pair["a"], pair["b"]] = cells[pair["b"], pair["a"]] = cell
    names = sorted({name for pair in cells for name in pair})
    rows = [(name, [cells.get((name, other)) for other in names]) for name in names]
    return Matrix(names, rows, round(100 * overall))


def _cell(same: int, compared: int, overall: float, z: float) -> Cell:
    share = same / compared
    interval = wilson(same, compared, z=z)
    return Cell(
        percent=round(100 * share),
        same=same,
        compared=compared,
        shade=sum(share >= step for step in STEPS),
        is_low=interval is not None and interval[1] < overall,
    )
