"""The page of one run, live: state, charts, samples, settings, log."""

import uuid
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from core.api import refuse_unknown_parameters
from core.requests import is_htmx
from jobs.directories import log_of
from jobs.log_reading import readable
from jobs.times import time_taken
from training.access import run_for
from training.alarm_notices import notice_for
from training.charting import chart_data
from training.comparison import comparison_of
from training.figures import final_figures, in_order, label_of, written
from training.metric_questions import PARAMETERS, question_of
from training.metrics import latest_rows
from training.models import Stage, TrainingRun
from training.reward_quality import quality_of
from training.run_times import time_left
from training.sample_steps import samples_of
from training.settings_table import settings_of

LOG_BYTES = 16 * 1024
COLUMNS_SHOWN = 6


@member_page(Role.REVIEWER)
@require_safe
def run(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = run_for(membership=request.membership, uid=uid)
    if is_htmx(request):
        # A notice that the page has already is not sent again: it would be read out anew every two seconds.
        context = _state(found) | {"is_fragment": True, "known_alarm": request.GET.get("alarm", "")}
        return render(request, "training/run.html#live", context)
    refuse_unknown_parameters(request, {"old", "new"})
    context = _context(found) | {"samples": samples_of(found, request.GET.dict())}
    return render(request, "training/run.html", context)


def _state(found: TrainingRun) -> dict[str, Any]:
    return {
        "run": found,
        "log": readable(log_of(found.job.uid).tail(LOG_BYTES).text),
        "notice": notice_for(found),
        "left": time_left(found.job),
        "took": time_taken(found.job),
    }


def _context(found: TrainingRun) -> dict[str, Any]:
    rows = latest_rows(found)
    names = in_order({name for row in rows for name in row.values})[:COLUMNS_SHOWN]
    metrics = found.result.get("metrics", {})
    headlines, figures = final_figures(metrics)
    settings = settings_of(stage=found.stage, config=found.config)
    return _state(found) | {
        "comparison": comparison_of(metrics, config=found.config) if found.stage == Stage.PPO else None,
        "quality": quality_of(metrics) if found.stage == Stage.REWARD else None,
        "columns": [label_of(name) for name in names],
        "rows": [(row.step, [written(row.values.get(name, "")) for name in names]) for row in rows],
        "newest": [
            (label_of(name), written(rows[0].values[name])) for name in names if name in rows[0].values
        ]
        if rows
        else [],
        "last_step": rows[0].step if rows else -1,
        "settings": settings,
        "changed": [row for row in settings if row.is_changed],
        "environment": environment_of(found),
        "headlines": headlines,
        "figures": figures,
    }


def environment_of(found: TrainingRun) -> list[tuple[str, object]]:
    """What it ran on, before the libraries with their versions; the seed stands with the settings."""
    first = ("device", "processes", "threads", "python")
    rest = sorted(set(found.environment) - {*first, "seed"})
    known = [name for name in first if name in found.environment]
    return [(name, found.environment[name]) for name in (*known, *rest)]


@member_page(Role.REVIEWER)
@require_safe
def run_metrics(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    refuse_unknown_parameters(request, set(PARAMETERS))
    found = run_for(membership=request.membership, uid=uid)
    return JsonResponse(chart_data(found, question=question_of(request.GET.dict())))
