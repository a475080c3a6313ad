"""Bars and columns that the server draws: numbers in, lengths in percent out. Pure.

Templates: `components/bars.html` and `components/columns.html`, with the sheet `css/bars.css`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Room between two columns, and above the highest, in parts of one column.
GAP = 0.2
TALLEST = 96.0


@dataclass(frozen=True)
class Bar:
    """`length` is in percent of the longest bar, `share` in percent of the whole, both ready to draw."""

    label: str
    value: float
    length: str
    share: str
    tone: str = ""


def bars_of(pairs: Iterable[tuple[str, float]], *, whole: float | None = None) -> list[Bar]:
    """One bar for each pair of label and value; `whole` is what 100 % are, where it is not the sum."""
    rows = list(pairs)
    longest = max((value for _label, value in rows), default=0) or 1
    total = (sum(value for _label, value in rows) if whole is None else whole) or 1
    return [
        Bar(label=label, value=value, length=percent(value / longest), share=share_text(value / total))
        for label, value in rows
    ]


def percent(part: float) -> str:
    return f"{max(0.0, min(100.0, 100 * part)):.2f}%"


def share_text(part: float) -> str:
    """Whole percents, but neither 0 % for something nor 100 % for less than all."""
    if 0 < part < 0.01:
        return "<1 %"
    if 0.99 < part < 1:
        return ">99 %"
    return f"{100 * part:.0f} %"


@dataclass(frozen=True)
class Piece:
    """A rectangle on a canvas that is one unit wide for each column and 100 high."""

    series: int
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True)
class Column:
    label: str
    values: list[float]
    pieces: list[Piece]


@dataclass(frozen=True)
class Columns:
    """`names` name the series; `most` is the value that the highest column stands for."""

    names: list[str]
    columns: list[Column]
    most: float

    @property
    def width(self) -> int:
        return max(1, len(self.columns))

    @property
    def first(self) -> str:
        return self.columns[0].label if self.columns else ""

    @property
    def middle(self) -> str:
        return self.columns[len(self.columns) // 2].label if len(self.columns) > 2 else ""

    @property
    def last(self) -> str:
        return self.columns[-1].label if len(self.columns) > 1 else ""

    @property
    def is_empty(self) -> bool:
        return not any(value for column in self.columns for value in column.values)


Rows = Iterable[tuple[str, Sequence[float]]]


def stacked_columns(names: Sequence[str], rows: Rows) -> Columns:
    """A column for each row of label and values, the series one upon the other."""
    found = [(label, list(values)) for label, values in rows]
    most = max((sum(values) for _label, values in found), default=0)
    columns = []
    for at, (label, values) in enumerate(found):
        pieces, top = [], 0.0
        for series, value in enumerate(values):
            top += value
            pieces.append(_piece(series, at + GAP / 2, 1 - GAP, top / (most or 1), value / (most or 1)))
        columns.append(Column(label, values, pieces))
    return Columns(list(names), columns, most)


def grouped_columns(names: Sequence[str], rows: Rows) -> Columns:
    """For each row of label and values, a thin column for each series, side by side."""
    found = [(label, list(values)) for label, values in rows]
    most = max((value for _label, values in found for value in values), default=0)
    width = (1 - GAP) / max(1, len(names))
    columns = [
        Column(
            label,
            values,
            [
                _piece(series, at + GAP / 2 + series * width, width, value / (most or 1), value / (most or 1))
                for series, value in enumerate(values)
            ],
        )
        for at, (label, values) in enumerate(found)
    ]
    return Columns(list(names), columns, most)


def _piece(series: int, x: float, width: float, top: float, height: float) -> Piece:
    return Piece(
        series=series + 1,
        x=f"{x:.3f}",
        y=f"{100 - TALLEST * top:.2f}",
        width=f"{width:.3f}",
        height=f"{TALLEST * height:.2f}",
    )


def histogram(series: Sequence[Sequence[int]], *, most_bins: int = 20) -> list[tuple[str, list[int]]]:
    """Counts of each series by value, in bins of a round width; the last bin takes the longest two percent.

    Bins are labelled by their lower end.
    """
    values = sorted(value for one in series for value in one)
    if not values:
        return []
    edge = values[min(len(values) - 1, int(len(values) * 0.98))]
    step = round_step(edge / most_bins)
    bins = edge // step + 1
    counts = [[0] * len(series) for _bin in range(bins)]
    for place, one in enumerate(series):
        for value in one:
            counts[min(value // step, bins - 1)][place] += 1
    return [(f"{at * step:,}", found) for at, found in enumerate(counts)]


def round_step(width: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50 ... that is at least so wide."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if factor * step >= width:
                return factor * step
        step *= 10
