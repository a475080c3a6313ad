"""Where a figure and its interval stand on a strip of a table, in the units of its drawing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH = 200
MARGIN = 6


@dataclass(frozen=True)
class Strip:
    """Positions from the left edge; `low` and `high` are None where there is no interval."""

    value: float
    low: float | None
    high: float | None
    ticks: tuple[float, ...]

    @property
    def span(self) -> float:
        return (self.high or 0.0) - (self.low or 0.0)


def strip(
    value: float | None,
    low: float | None,
    high: float | None,
    *,
    least: float = 0.0,
    ticks: Sequence[float] = (0.0, 0.5, 1.0),
) -> Strip | None:
    """From `least` to 1; what lies below the least is drawn at the edge. None where there is no figure."""
    if value is None:
        return None
    return Strip(
        value=_place(value, least),
        low=None if low is None else _place(low, least),
        high=None if high is None else _place(high, least),
        ticks=tuple(_place(tick, least) for tick in ticks),
    )


def marks(words: Mapping[float, str], *, least: float = 0.0) -> list[tuple[float, str]]:
    """The words of a scale over strips, each where its figure stands."""
    return [(_place(figure, least), word) for figure, word in words.items()]


def _place(figure: float, least: float) -> float:
    share = (min(1.0, max(least, figure)) - least) / (1 - least)
    return round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)
