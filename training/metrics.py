"""Reads a run's metrics for charts: at most a thousand points, at a cost that does not grow with the run."""

import json
import math
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Max, Min

from training.models import RunMetric, TrainingRun

MOST_POINTS = 1000

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
ORDER BY row.step
"""


@dataclass(frozen=True)
class Points:
    """Figures by step: every series has one entry a step, None where nothing was measured."""

    steps: list[int]
    series: dict[str, list[float | None]]
    last_step: int


def metrics_for(run: TrainingRun, *, after: int = -1, limit: int = MOST_POINTS) -> Points:
    """The figures of the steps after `after`, evenly thinned to `limit` of them, first and last kept."""
    newer = RunMetric.objects.filter(run=run, step__gt=after)
    ends = newer.aggregate(first=Min("step"), last=Max("step"))
    if ends["last"] is None:
        return Points(steps=[], series={}, last_step=after)
    first, last = int(ends["first"]), int(ends["last"])
    if last - first < limit:
        rows = list(newer.order_by("step").values_list("step", "values"))
    else:
        rows = _thinned(run, first=first, last=last, limit=limit)
    return Points(steps=[step for step, _values in rows], series=_columns(rows), last_step=last)


def _thinned(run: TrainingRun, *, first: int, last: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
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


def _sampled(run: TrainingRun, *, first: int, span: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
    parameters = {"run": run.pk, "first": first, "span": span, "limit": max(2, limit)}
    with connection.cursor() as cursor:
        cursor.execute(SAMPLED, parameters)
        return [(step, json.loads(values)) for step, values in cursor.fetchall()]


def _columns(rows: list[tuple[int, dict[str, Any]]]) -> dict[str, list[float | None]]:
    names = sorted({name for _step, values in rows for name in values})
    return {name: [values.get(name) for _step, values in rows] for name in names}


def latest_rows(run: TrainingRun, *, count: int = 10) -> list[RunMetric]:
    """The last steps, the newest first."""
    return list(RunMetric.objects.filter(run=run).order_by("-step")[:count])
