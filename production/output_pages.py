"""Pages of one output: what was asked and written, what people say of it, and its way back to annotators."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page, require_role
from accounts.models import Role
from core.api import refuse_unknown_parameters
from core.errors import DomainError, Unreadable
from core.forms import add_refusal
from core.ids import uuid7
from production.access import output_for
from production.feedback import give
from production.forms import CorrectionForm, OpenProjectForm
from production.harvest_requests import request_harvest
from production.models import Feedback, Output

FEEDBACK_SHOWN = 50


@member_page(Role.REVIEWER)
@require_safe
def output(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = output_for(membership=request.membership, uid=uid)
    refuse_unknown_parameters(request, set())
    return _page(request, found)


def _page(request: WorkspaceRequest, found: Output, *, status: int = 200, **forms: Any) -> HttpResponse:
    said = Feedback.objects.filter(output=found).select_related("created_by__user").order_by("-pk")
    sent = found.harvests.select_related("project", "created_by__user").order_by("-pk")
    context = {
        "output": found,
        "feedback": said[:FEEDBACK_SHOWN],
        "harvests": sent,
        "correction_form": CorrectionForm(initial={"text": found.text}),
        "project_form": OpenProjectForm(membership=request.membership)
        if request.membership.is_admin
        else None,
        # A form that is sent twice is one piece of feedback.
        "once": uuid7(),
    } | forms
    return render(request, "production/output.html", context, status=status)


@member_page(Role.REVIEWER)
@require_POST
def output_feedback(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = output_for(membership=request.membership, uid=uid)
    kind = request.POST.get("kind", "")
    if kind == Feedback.Kind.THUMB:
        return _thumb(request, found)
    if kind == Feedback.Kind.CORRECTION:
        return _correction(request, found)
    raise Unreadable(_("The form is not one of this page."), fields={"kind": _("unknown")})


def _thumb(request: WorkspaceRequest, found: Output) -> HttpResponse:
    is_up = request.POST.get("up") == "1"
    give(
        output=found,
        by=request.membership,
        kind=Feedback.Kind.THUMB,
        value={"up": is_up},
        comment=request.POST.get("comment", ""),
        identifier=_identifier(request, found, "up" if is_up else "down"),
    )
    messages.success(request, _("Thumb up: noted.") if is_up else _("Thumb down: noted."))
    if request.POST.get("back") == "deployment":
        place = reverse("deployment", args=[found.workspace.slug, found.deployment.uid])
        return redirect(f"{place}#output-{found.uid}")
    return redirect("output", found.workspace.slug, found.uid)


def _correction(request: WorkspaceRequest, found: Output) -> HttpResponse:
    form = CorrectionForm(request.POST)
    if not form.is_valid():
        return _page(request, found, correction_form=form, status=422)
    try:
        give(
            output=found,
            by=request.membership,
            kind=Feedback.Kind.CORRECTION,
            value={"text": form.cleaned_data["text"]},
            comment=form.cleaned_data["comment"],
            identifier=_identifier(request, found, "correction"),
        )
    except DomainError as refusal:
        refusal.fields = {"text" if name == "value" else name: why for name, why in refusal.fields.items()}
        add_refusal(form, refusal)
        # Where it was erased meanwhile, the page must not show the text once more.
        found = output_for(membership=request.membership, uid=found.uid)
        return _page(request, found, correction_form=form, status=refusal.status)
    messages.success(request, _("The better answer is kept."))
    return redirect("output", found.workspace.slug, found.uid)


def _identifier(request: WorkspaceRequest, found: Output, deed: str) -> str:
    once = request.POST.get("once", "")
    return f"page:{request.membership.uid}:{found.pk}:{deed}:{once}" if once else ""


@member_page(Role.REVIEWER)
@require_POST
def output_harvest(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = output_for(membership=request.membership, uid=uid)
    require_role(request.membership, Role.ADMIN)
    form = OpenProjectForm(request.POST, membership=request.membership)
    if not form.is_valid():
        return _page(request, found, project_form=form, status=422)
    job = request_harvest(project=form.chosen_project(), by=request.membership, outputs=[found])
    messages.success(request, _("The output is on its way; this page tells when it is a task."))
    return redirect("job", request.membership.workspace.slug, job.uid)
