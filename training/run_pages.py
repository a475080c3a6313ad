"""Pages of runs: the list, a new run, one run with its live state and metrics, cancel."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from core.api import refuse_unknown_parameters
from core.errors import NotFound, Unreadable
from core.pagination import newest_first
from core.requests import is_htmx
from jobs.directories import log_of
from training.access import run_for, runs_of
from training.alarm_notices import badge_of_run, notice_for
from training.charting import chart_data
from training.comparison import comparison_of
from training.figures import final_figures, in_order, label_of, labelled_settings, written
from training.metrics import latest_rows
from training.models import RunAlarm, RunSample, Stage, TrainingRun
from training.reward_quality import quality_of
from training.run_checks import RunRefused
from training.run_form import RunForm, initial_values
from training.runs import cancel_run, start_run

SAMPLES_SHOWN = 6
LOG_BYTES = 16 * 1024
COLUMNS_SHOWN = 6
PROMPT_SHOWN = 500


@member_page(Role.REVIEWER)
@require_safe
def runs(request: WorkspaceRequest) -> HttpResponse:
    refuse_unknown_parameters(request, {"before", "dataset"})
    found = runs_of(request.membership)
    if dataset := request.GET.get("dataset", ""):
        found = found.filter(dataset_version__uid=as_uid(dataset, field="dataset"))
    page = newest_first(found, before=request.GET.get("before", ""))
    alarmed = RunAlarm.objects.filter(run__in=page.rows).values_list("run_id", flat=True).distinct()
    raised = set(alarmed)
    rows = [(run, badge_of_run(run, was_raised=run.pk in raised)) for run in page.rows]
    return render(request, "training/runs.html", {"page": page, "rows": rows, "dataset": dataset})


def as_uid(text: str, *, field: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Unreadable(_("This is not an id."), fields={field: "not an id"}) from error


@member_page(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def run_new(request: WorkspaceRequest, stage: str) -> HttpResponse:
    if stage not in Stage.values:
        raise NotFound(_("There is no such stage."))
    known = Stage(stage)
    if request.method == "POST":
        return _start(request, known)
    refuse_unknown_parameters(request, {"dataset", "model", "reward_model"})
    form = RunForm(
        stage=known, membership=request.membership, initial=initial_values(known, request.GET.dict())
    )
    return _form_page(request, form, status=200)


def _start(request: WorkspaceRequest, stage: Stage) -> HttpResponse:
    form = RunForm(request.POST, stage=stage, membership=request.membership)
    if not form.is_valid():
        return _form_page(request, form, status=422)
    workspace = request.membership.workspace
    try:
        run = start_run(workspace=workspace, by=request.membership, **form.chosen())
    except RunRefused as refusal:
        form.add_refusal(refusal)
        return _form_page(request, form, status=422)
    return redirect("run", workspace.slug, run.uid)


def _form_page(request: HttpRequest, form: RunForm, *, status: int) -> HttpResponse:
    context = {"form": form, "stage": form.stage, "stages": Stage, "missing": form.missing()}
    return render(request, "training/run_new.html", context, status=status)


@member_page(Role.REVIEWER)
@require_safe
def run(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = run_for(membership=request.membership, uid=uid)
    if is_htmx(request):
        context = {"run": found, "log": log_tail(found), "notice": notice_for(found), "is_fragment": True}
        # A notice that the page has already is not sent again: it would be read out anew every two seconds.
        known = request.GET.get("alarm", "")
        return render(request, "training/run.html#live", context | {"known_alarm": known})
    return render(request, "training/run.html", _run_context(found))


def _run_context(found: TrainingRun) -> dict[str, Any]:
    rows = latest_rows(found)
    names = in_order({name for row in rows for name in row.values})[:COLUMNS_SHOWN]
    metrics = found.result.get("metrics", {})
    headlines, figures = final_figures(metrics)
    return {
        "run": found,
        "notice": notice_for(found),
        "comparison": comparison_of(metrics, config=found.config) if found.stage == Stage.PPO else None,
        "quality": quality_of(metrics) if found.stage == Stage.REWARD else None,
        "columns": [label_of(name) for name in names],
        "rows": [(row.step, [written(row.values.get(name, "")) for name in names]) for row in rows],
        "last_step": rows[0].step if rows else -1,
        "samples": latest_samples(found),
        "settings": labelled_settings(stage=found.stage, config=found.config),
        "environment": sorted(found.environment.items()),
        "log": log_tail(found),
        "headlines": headlines,
        "figures": figures,
    }


def latest_samples(found: TrainingRun) -> list[dict[str, Any]]:
    """What the model wrote last; of a long dialogue only the end, which the answer answers."""
    rows = RunSample.objects.filter(run=found).order_by("-step", "position")[:SAMPLES_SHOWN]
    return [
        {
            "step": row.step,
            "score": row.values.get("score"),
            "prompt": ending_of(str(row.values.get("prompt", ""))),
            "response": str(row.values.get("response", "")),
        }
        for row in rows
    ]


def ending_of(text: str) -> str:
    return text if len(text) <= PROMPT_SHOWN else f"… {text[-PROMPT_SHOWN:]}"


def log_tail(found: TrainingRun) -> str:
    return log_of(found.job.uid).tail(LOG_BYTES).text


@member_page(Role.REVIEWER)
@require_safe
def run_metrics(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    refuse_unknown_parameters(request, {"after"})
    found = run_for(membership=request.membership, uid=uid)
    return JsonResponse(chart_data(found, after=step_after(request.GET.get("after", "-1"))))


def step_after(text: str) -> int:
    """The step in `?after=`; raises Unreadable."""
    if text == "-1" or (text.isascii() and text.isdigit() and len(text) <= 10):
        return int(text)
    raise Unreadable(_("The step must be a whole number."), fields={"after": "not a whole number"})


@member_page(Role.ADMIN)
@require_POST
def run_cancel(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = run_for(membership=request.membership, uid=uid)
    cancel_run(run=found, by=request.membership)
    return redirect("run", request.membership.workspace.slug, found.uid)
