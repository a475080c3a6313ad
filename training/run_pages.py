"""Pages of runs: the list, a new run, cancel."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from core.api import refuse_unknown_parameters
from core.errors import NotFound
from core.pagination import newest_first
from jobs.models import Job
from training.access import run_for, runs_of
from training.comparing import MOST_COMPARED
from training.models import Stage
from training.run_checks import RunRefused
from training.run_form import RunForm, initial_values
from training.run_listing import PARAMETERS, narrowed, rows_of
from training.runs import cancel_run, start_run


@member_page(Role.REVIEWER)
@require_safe
def runs(request: WorkspaceRequest) -> HttpResponse:
    refuse_unknown_parameters(request, set(PARAMETERS))
    asked = request.GET.dict()
    page = newest_first(narrowed(runs_of(request.membership), asked), before=asked.get("before", ""))
    context = {
        "page": page,
        "rows": rows_of(page.rows),
        "dataset": asked.get("dataset", ""),
        "stage": asked.get("stage", ""),
        "state": asked.get("state", ""),
        "chosen": asked.get("with", ""),
        "stages": Stage.choices,
        "states": Job.State.choices,
        "most": MOST_COMPARED,
    }
    return render(request, "training/runs.html", context)


@member_page(Role.ADMIN)
@require_http_methods(["GET", "HEAD", "POST"])
def run_new(request: WorkspaceRequest, stage: str) -> HttpResponse:
    if stage not in Stage.values:
        raise NotFound(_("There is no such stage."))
    known = Stage(stage)
    if request.method == "POST":
        return _start(request, known)
    refuse_unknown_parameters(request, {"dataset", "model", "reward_model", "run"})
    form = RunForm(
        stage=known,
        membership=request.membership,
        initial=initial_values(known, request.GET.dict(), membership=request.membership),
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


@member_page(Role.ADMIN)
@require_POST
def run_cancel(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = run_for(membership=request.membership, uid=uid)
    cancel_run(run=found, by=request.membership)
    return redirect("run", request.membership.workspace.slug, found.uid)
