"""A run's metrics and state as the charts read them."""

from typing import Any

from training.figures import charts_for, guides_of
from training.metric_questions import Question
from training.metrics import MOST_POINTS, Line, metrics_for
from training.models import TrainingRun

SCHEMA = 2
# As many as a drawing can show; a script that needs all of them asks the API.
DIGITS_DRAWN = 6


def chart_data(run: TrainingRun, *, question: Question) -> dict[str, Any]:
    points = metrics_for(run, after=question.after, first=question.first, last=question.last)
    series = points.series | guides_of(points.series, config=run.config)
    job = run.job
    return {
        "schema": SCHEMA,
        "run": str(run.uid),
        "state": job.state,
        "state_label": job.get_state_display(),
        "running": not job.has_ended,
        "attempt": job.attempt,
        "progress": job.progress,
        "sentence": job.sentence,
        "next": points.last_step,
        "total": points.total,
        "kept": points.kept,
        "limit": MOST_POINTS,
        "series": {name: _drawn(line) for name, line in series.items()},
        "charts": charts_for(series.keys()),
    }


def _drawn(line: Line) -> dict[str, list[Any]]:
    values = [float(f"{value:.{DIGITS_DRAWN}g}") for value in line.values]
    return {"steps": line.steps, "values": values}
