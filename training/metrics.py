"""Reads a run's metrics for charts: a bounded number of points, however long the run is.

A short stretch is read whole. A longer one is cut into even stretches of steps, and of each the least and the
greatest value of every figure is kept: the highest spike of a stretch is seen, not each. Beyond
`MOST_SCANNED` rows that would take seconds: then evenly spaced steps are read, at a cost that does not grow
with the run.
"""

import enum
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Min

from training.models import RunMetric, TrainingRun

MOST_POINTS = 2000
MOST_SCANNED = 250_000
# Rows of the database that are in memory at once, while a long stretch is read.
STRETCHES_AT_ONCE = 20

# Whole stretches of steps, each with its rows as one JSON list.
STRETCHES = """
SELECT array_agg(step ORDER BY step), string_agg("values"::text, ',' ORDER BY step)
FROM training_runmetric
WHERE run_id = %(run)s AND step BETWEEN %(first)s AND %(last)s
GROUP BY (step - %(first)s) / %(width)s
ORDER BY (step - %(first)s) / %(width)s
"""

# For each of `limit` evenly spaced steps the first row at or after it: one index probe a point.
SAMPLED = """
SELECT DISTINCT ON (row.step) row.step, row."values"
FROM generate_series(0, %(limit)s - 1) AS place
CROSS JOIN LATERAL (
    SELECT step, "values" FROM training_runmetric
    WHERE run_id = %(run)s
      -- Of the column's own type, for only then does the index answer.
      AND step >= (%(first)s + ceil(place * %(span)s / (%(limit)s - 1)::numeric))::integer
    ORDER BY step LIMIT 1
) AS row
WHERE row.step <= %(first)s + %(span)s
ORDER BY row.step
"""

Row = tuple[int, dict[str, Any]]


class Kept(enum.StrEnum):
    """What an answer holds of what was measured: all, the extremes of each stretch, or even samples."""

    ALL = "all"
    EXTREMES = "extremes"
    EVEN = "even"


@dataclass
class Line:
    """One figure: the steps at which it was measured, and what it was."""

    steps: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, step: int, value: float) -> None:
        self.steps.append(step)
        self.values.append(value)


@dataclass(frozen=True)
class Points:
    """`total` is the number of steps that were measured there, `last_step` the last of them."""

    series: dict[str, Line]
    total: int
    kept: Kept
    last_step: int

    @property
    def steps(self) -> list[int]:
        """Every step of which a point is here."""
        return sorted({step for line in self.series.values() for step in line.steps})


def metrics_for(
    run: TrainingRun,
    *,
    after: int = -1,
    first: int | None = None,
    last: int | None = None,
    limit: int = MOST_POINTS,
) -> Points:
    """The figures of the steps after `after`, from `first` to `last`: at most about `limit` a figure."""
    rows = RunMetric.objects.filter(run=run, step__gt=after)
    if first is not None:
        rows = rows.filter(step__gte=first)
    if last is not None:
        rows = rows.filter(step__lte=last)
    found = rows.aggregate(first=Min("step"), last=Max("step"), total=Count("pk"))
    total = int(found["total"])
    if total == 0:
        return Points(series={}, total=0, kept=Kept.ALL, last_step=after)
    start, end = int(found["first"]), int(found["last"])
    if total <= limit:
        series = _lines(rows.order_by("step").values_list("step", "values"))
        return Points(series=series, total=total, kept=Kept.ALL, last_step=end)
    if total <= MOST_SCANNED:
        series = _extremes(run, first=start, last=end, limit=limit)
        return Points(series=series, total=total, kept=Kept.EXTREMES, last_step=end)
    series = _lines(_thinned(run, first=start, last=end, limit=limit))
    return Points(series=series, total=total, kept=Kept.EVEN, last_step=end)


def _lines(rows: Any) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for step, values in rows:
        for name in sorted(values):
            lines.setdefault(name, Line()).add(step, values[name])
    return lines


def _extremes(run: TrainingRun, *, first: int, last: int, limit: int) -> dict[str, Line]:
    lines: dict[str, Line] = {}
    for rows in _stretches(run, first=first, last=last, count=limit // 2):
        for name in sorted(set().union(*(values for _step, values in rows))):
            measured = [(values[name], step) for step, values in rows if name in values]
            line = lines.setdefault(name, Line())
            # The very first and last are kept too, so that a chart begins and ends where the run does.
            ends = {measured[0][::-1]} if not line.steps else set()
            ends |= {measured[-1][::-1]} if rows[-1][0] == last else set()
            for step, value in sorted(ends | {min(measured)[::-1], max(measured)[::-1]}):
                line.add(step, value)
    return lines


def _stretches(run: TrainingRun, *, first: int, last: int, count: int) -> Iterator[list[Row]]:
    width = math.ceil((last - first + 1) / count)
    with connection.chunked_cursor() as cursor:
        cursor.execute(STRETCHES, {"run": run.pk, "first": first, "last": last, "width": width})
        while found := cursor.fetchmany(STRETCHES_AT_ONCE):
            for steps, texts in found:
                yield list(zip(steps, json.loads(f"[{texts}]"), strict=True))


def _thinned(run: TrainingRun, *, first: int, last: int, limit: int) -> list[Row]:
    """Evenly spaced rows, and those of the evaluations, which even spacing would mostly miss."""
    evaluations = _evaluation_steps(run, first=first, last=last, limit=limit // 3)
    found = dict(_sampled(run, first=first, span=last - first, limit=limit - len(evaluations)))
    if evaluations:
        evaluated = RunMetric.objects.filter(run=run, step__in=evaluations)
        found |= dict(evaluated.values_list("step", "values"))
    return sorted(found.items())


def _evaluation_steps(run: TrainingRun, *, first: int, last: int, limit: int) -> list[int]:
    """PPO answers held-out prompts at the multiples of a setting; evenly thinned to `limit` of them."""
    every = run.config.get("evaluate_every")
    if not isinstance(every, int) or every < 1:
        return []
    stride = every * math.ceil(((last - first) // every + 1) / max(1, limit))
    return list(range(math.ceil(first / stride) * stride, last + 1, stride))


def _sampled(run: TrainingRun, *, first: int, span: int, limit: int) -> list[Row]:
    parameters = {"run": run.pk, "first": first, "span": span, "limit": max(2, limit)}
    with connection.cursor() as cursor:
        cursor.execute(SAMPLED, parameters)
        return [(step, json.loads(values)) for step, values in cursor.fetchall()]


def latest_rows(run: TrainingRun, *, count: int = 10) -> list[RunMetric]:
    """The last steps, the newest first."""
    return list(RunMetric.objects.filter(run=run).order_by("-step")[:count])
