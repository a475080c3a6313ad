"""The list of runs: what may be asked of it, and what a row tells."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from core.errors import Unreadable
from jobs.models import Job
from jobs.times import time_taken
from training.alarm_notices import Badge, badge_of_run
from training.models import ModelVersion, RunAlarm, Stage, TrainingRun
from training.run_figures import MainFigure, final_metrics, main_figure
from training.sparklines import sparklines

Staged = TypeVar("Staged", TrainingRun, ModelVersion)
PARAMETERS = frozenset({"before", "dataset", "stage", "state", "with"})


@dataclass(frozen=True)
class Row:
    run: TrainingRun
    badge: Badge | None
    figure: MainFigure | None
    line: str
    took: timedelta | None


def narrowed(runs: QuerySet[TrainingRun], parameters: Mapping[str, str]) -> QuerySet[TrainingRun]:
    """Those of a stage, a state or a dataset version; raises Unreadable for one that cannot be."""
    if dataset := parameters.get("dataset", ""):
        runs = runs.filter(dataset_version__uid=as_uid(dataset, field="dataset"))
    if state := _one_of(parameters, "state", Job.State.values):
        runs = runs.filter(job__state=state)
    return of_stage(runs, parameters)


def of_stage(rows: QuerySet[Staged], parameters: Mapping[str, str]) -> QuerySet[Staged]:
    """The runs, or the models, of the stage that `?stage=` names; raises Unreadable."""
    stage = _one_of(parameters, "stage", Stage.values)
    return rows.filter(stage=stage) if stage else rows


def _one_of(parameters: Mapping[str, str], name: str, known: Sequence[str]) -> str:
    value = parameters.get(name, "")
    if value and value not in known:
        raise Unreadable(
            _("Choose one of: %(known)s.") % {"known": ", ".join(known)}, fields={name: _("unknown")}
        )
    return value


def as_uid(text: str, *, field: str) -> uuid.UUID:
    """Raises Unreadable."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Unreadable(_("This is not an id."), fields={field: _("not an id")}) from error


def rows_of(runs: Sequence[TrainingRun]) -> list[Row]:
    """Costs two queries, however many runs there are."""
    raised = set(RunAlarm.objects.filter(run__in=runs).values_list("run_id", flat=True).distinct())
    lines = sparklines(runs)
    return [
        Row(
            run=run,
            badge=badge_of_run(run, was_raised=run.pk in raised),
            figure=main_figure(run.stage, final_metrics(run)),
            line=lines.get(run.pk, ""),
            took=time_taken(run.job),
        )
        for run in runs
    ]
