"""A small drawing of each run's course for lists: one query, however long the runs are."""

import math
from collections.abc import Sequence

from django.db import connection

from training.models import Stage, TrainingRun

PLACES = 24
WIDTH, HEIGHT, MARGIN = 96, 24, 2
DRAWN = {Stage.PPO: "reward"}
ELSE_DRAWN = "loss"

# Evenly spaced steps of each run: one index probe a point.
COURSES = """
SELECT DISTINCT ON (asked.run, point.step) asked.run, point.value
FROM unnest(%s::bigint[], %s::text[]) AS asked (run, name)
CROSS JOIN LATERAL (
    SELECT min(step) AS first, max(step) AS last FROM training_runmetric WHERE run_id = asked.run
) AS ends
CROSS JOIN LATERAL generate_series(0, %s) AS place
CROSS JOIN LATERAL (
    SELECT step, ("values" ->> asked.name)::float8 AS value FROM training_runmetric
    WHERE run_id = asked.run
      AND step >= (ends.first + (place::numeric * (ends.last - ends.first) / %s)::integer)
    ORDER BY step LIMIT 1
) AS point
WHERE point.value IS NOT NULL
ORDER BY asked.run, point.step
"""


def sparklines(runs: Sequence[TrainingRun]) -> dict[int, str]:
    """By key of the run, the points of an SVG polyline; a run with fewer than two points has none."""
    names = [DRAWN.get(Stage(run.stage), ELSE_DRAWN) for run in runs]
    courses: dict[int, list[float]] = {}
    with connection.cursor() as cursor:
        cursor.execute(COURSES, [[run.pk for run in runs], names, PLACES - 1, PLACES - 1])
        for run, value in cursor.fetchall():
            courses.setdefault(run, []).append(value)
    return {run: points_of(values) for run, values in courses.items() if len(values) > 1}


def points_of(values: Sequence[float]) -> str:
    """The values as points in a box, the greatest on top; level ones in its middle."""
    least, span = min(values), max(values) - min(values)
    if not math.isfinite(span):
        return ""
    across, down = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    places = []
    for at, value in enumerate(values):
        x = MARGIN + across * at / (len(values) - 1)
        y = MARGIN + down * (1 - (value - least) / span if span else 0.5)
        places.append(f"{x:.1f},{y:.1f}")
    return " ".join(places)
