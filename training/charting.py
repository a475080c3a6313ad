"""A run's metrics and state as the charts read them."""

from typing import Any

from training.figures import charts_for, guides_of
from training.metrics import metrics_for
from training.models import TrainingRun

SCHEMA = 1


def chart_data(run: TrainingRun, *, after: int) -> dict[str, Any]:
    points = metrics_for(run, after=after)
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
        "steps": points.steps,
        "series": series,
        "charts": charts_for(series.keys()),
    }
