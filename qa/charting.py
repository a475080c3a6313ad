"""Charts of agreement, drawn by the server: where their parts lie, across in percent, down in pixels.

Percent keep the words of an SVG at their size on every screen, as a viewBox would not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

LEAST, MOST = -0.2, 1.0
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
TREND_TOP, TREND_BOTTOM = 12.0, 168.0
# Two people choose the same of two answers in 63 to 77 % of cases in published preference sets; for choices
# without ties alpha is about 2 p - 1.
USUAL_OF_PREFERENCES = (0.26, 0.54)


@dataclass(frozen=True)
class Tick:
    place: str
    words: str
    is_chance: bool = False


@dataclass(frozen=True)
class Span:
    start: str
    width: str
    middle: str


@dataclass(frozen=True)
class Row:
    """One figure with its interval; None where there is none."""

    value: str | None
    span: Span | None


@dataclass(frozen=True)
class Point:
    """A measurement in the course: across in percent, down in pixels; `to` is the point before it."""

    x: str
    y: str
    low: str | None
    high: str | None
    before: tuple[str, str] | None


def across(figure: float) -> float:
    """Percent from the start of the axis; what lies outside is drawn at its end."""
    return 100 * (min(MOST, max(LEAST, figure)) - LEAST) / (MOST - LEAST)


def ticks() -> list[Tick]:
    return [Tick(_percent(across(figure)), f"{figure:g}", is_chance=figure == 0.0) for figure in TICKS]


def span(low: float, high: float) -> Span:
    start, end = across(low), across(high)
    return Span(_percent(start), _percent(end - start), _percent((start + end) / 2))


def row(figures: Mapping[str, Any]) -> Row:
    value, low, high = figures["alpha"], figures["low"], figures["high"]
    return Row(
        value=None if value is None else _percent(across(value)),
        span=None if low is None or high is None else span(low, high),
    )


def usual(kind: str) -> Span | None:
    """What is known of preferences; of labels no such band is."""
    return span(*USUAL_OF_PREFERENCES) if kind == "ranking" else None


def _percent(value: float) -> str:
    return f"{value:.2f}%"


# --- The course over several measurements -----------------------------------------------------------------
@dataclass(frozen=True)
class Measured:
    at: datetime
    figures: Mapping[str, Any]


def course(measured: Sequence[Measured]) -> list[Point]:
    """From the oldest to the newest, evenly spaced; measurements without a figure leave a gap."""
    points: list[Point] = []
    step = 100 / len(measured) if measured else 0.0
    last: tuple[str, str] | None = None
    for number, one in enumerate(measured):
        value, low, high = (one.figures[name] for name in ("alpha", "low", "high"))
        if value is None:
            last = None
            continue
        place = _percent(step * (number + 0.5)), _down(value)
        has_interval = low is not None and high is not None
        points.append(
            Point(*place, _down(low) if has_interval else None, _down(high) if has_interval else None, last)
        )
        last = place
    return points


def levels() -> list[tuple[str, str]]:
    """The lines across the course: how far down, and the figure."""
    return [(_down(figure), f"{figure:g}") for figure in (0.0, 0.5, 1.0)]


def _down(figure: float) -> str:
    share = (min(MOST, max(LEAST, figure)) - LEAST) / (MOST - LEAST)
    return f"{TREND_BOTTOM - share * (TREND_BOTTOM - TREND_TOP):.1f}"
