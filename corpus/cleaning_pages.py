"""Pages of cleaning: start a preview, look at what it found, apply it, take it back."""

import uuid
from dataclasses import replace

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from core.api import refuse_unknown_parameters
from core.bars import Bar, bars_of
from core.errors import DomainError
from core.forms import add_refusal
from core.requests import is_htmx
from corpus import cleaning_runs
from corpus.access import cleaning_for, source_for
from corpus.cleaning_samples import step_reports
from corpus.cleaning_settings import STEPS
from corpus.models import CleaningRun
from corpus.source_forms import CleaningForm, labelled_thresholds
from corpus.source_pages import source_page


@require_POST
@member_page(Role.ADMIN)
def source_clean(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = source_for(membership=request.membership, uid=uid)
    form = CleaningForm(request.POST)
    status = 422
    if form.is_valid():
        try:
            run = cleaning_runs.preview(source=found, by=request.membership, settings=form.settings())
        except DomainError as refusal:
            add_refusal(form, refusal)
            status = refusal.status
        else:
            return redirect("cleaning", request.membership.workspace.slug, run.uid)
    return source_page(request, found, tab="cleaning", cleaning_form=form, status=status)


@require_safe
@member_page(Role.REVIEWER)
def cleaning(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    refuse_unknown_parameters(request, set())
    run = cleaning_for(membership=request.membership, uid=uid)
    address = reverse("cleaning", args=[request.membership.workspace.slug, run.uid])
    if is_htmx(request):
        return _live(request, run, address)
    quality = run.settings.get("quality", {})
    context = {
        "run": run,
        "steps": step_reports(run),
        "bars": _bars(run),
        "chosen_steps": [STEPS[name] for name in run.settings.get("steps", []) if name in STEPS],
        "thresholds": labelled_thresholds(quality),
        "job": run.job if run.job and not run.job.has_ended else None,
        "failed_job": run.job if run.state == CleaningRun.State.FAILED else None,
        "live_url": address,
        "would_change": bool(run.report.get("removed") or run.report.get("changed")),
        "may_apply": request.membership.is_admin and run.state == CleaningRun.State.PREVIEW,
        "may_restore": request.membership.is_admin and run.state == CleaningRun.State.APPLIED,
    }
    return render(request, "corpus/cleaning.html", context)


def _bars(run: CleaningRun) -> list[Bar]:
    report = run.report
    counts = {"": (_("Kept"), report.get("kept", 0)), "4": (_("Removed"), report.get("removed", 0))}
    changed = {"2": (_("Changed, and kept"), report.get("changed", 0))}
    pairs = counts | changed
    bars = bars_of(pairs.values(), whole=report.get("documents", 0))
    return [replace(bar, tone=tone) for tone, bar in zip(pairs, bars, strict=True)]


def _live(request: WorkspaceRequest, run: CleaningRun, address: str) -> HttpResponse:
    """The job's state for the poll; once it has ended, the whole page again."""
    if run.job is None or run.job.has_ended:
        response = HttpResponse(status=200)
        response["HX-Redirect"] = address
        return response
    return render(request, "jobs/job.html#live", {"job": run.job, "live_url": address, "is_poll": True})


@require_POST
@member_page(Role.ADMIN)
def cleaning_apply(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    run = cleaning_for(membership=request.membership, uid=uid)
    cleaning_runs.apply(run=run, by=request.membership)
    return redirect("cleaning", request.membership.workspace.slug, run.uid)


@require_POST
@member_page(Role.ADMIN)
def cleaning_restore(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    run = cleaning_for(membership=request.membership, uid=uid)
    cleaning_runs.restore(run=run, by=request.membership)
    messages.success(request, _("Everything that this cleaning removed or changed is back."))
    return redirect("cleaning", request.membership.workspace.slug, run.uid)
