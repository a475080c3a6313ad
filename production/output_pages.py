"""Pages of one output: what was asked and written, what people say of it, and its way back to annotators."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page, require_role
from accounts.models import Role
from core.api import refuse_unknown_parameters
from core.errors import DomainError, Unreadable
from core.forms import add_refusal
from core.ids import uuid7
from core.requests import is_htmx
from core.word_diff import Piece, word_diff
from production.access import output_for
from production.feedback import give
from production.forms import CorrectionForm, OpenProjectForm
from production.harvest_requests import request_harvest
from production.models import Feedback, Output
from production.showing import output_row, with_counts

FEEDBACK_SHOWN = 50
# A comparison of long texts takes a tenth of a second: older better answers are shown as they are.
COMPARED = 5
TITLE_SHOWN = 80


@member_page(Role.REVIEWER)
@require_safe
def output(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = output_for(membership=request.membership, uid=uid)
    refuse_unknown_parameters(request, set())
    return _page(request, found)


def _page(request: WorkspaceRequest, found: Output, *, status: int = 200, **forms: Any) -> HttpResponse:
    said = Feedback.objects.filter(output=found).select_related("created_by__user").order_by("-pk")
    counted = with_counts(Output.objects.filter(pk=found.pk)).get()
    sent = found.harvests.select_related("project", "created_by__user").order_by("-pk")
    context = {
        "output": found,
        "row": output_row(counted),
        "title": _title(found),
        "feedback": _with_changes(found, said[:FEEDBACK_SHOWN]),
        "harvests": sent,
        "correction_form": CorrectionForm(initial={"text": found.text}),
        "project_form": OpenProjectForm(membership=request.membership)
        if request.membership.is_admin
        else None,
        # A form that is sent twice is one piece of feedback.
        "once": uuid7(),
    } | forms
    return render(request, "production/output.html", context, status=status)


def _title(found: Output) -> str:
    """The beginning of what was asked."""
    asked = " ".join(found.prompt[-1]["content"].split()) if found.prompt else ""
    return Truncator(asked).chars(TITLE_SHOWN)


def _with_changes(found: Output, said: Iterable[Feedback]) -> list[tuple[Feedback, list[Piece]]]:
    """The newest better answers with the way to them from what the model wrote."""
    rows: list[tuple[Feedback, list[Piece]]] = []
    compared = 0
    for one in said:
        change = _change(found, one) if compared < COMPARED else []
        compared += bool(change)
        rows.append((one, change))
    return rows


def _change(found: Output, said: Feedback) -> list[Piece]:
    """From what the model wrote to the better answer."""
    text = said.value.get("text") if isinstance(said.value, dict) else None
    return word_diff(found.text, text) if text and found.text else []


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
    if is_htmx(request):
        return _thumbs(request, found)
    messages.success(request, _("Thumb up: noted.") if is_up else _("Thumb down: noted."))
    if request.POST.get("back") == "deployment":
        place = reverse("deployment", args=[found.workspace.slug, found.deployment.uid])
        return redirect(f"{place}#output-{found.uid}")
    return redirect("output", found.workspace.slug, found.uid)


def _thumbs(request: WorkspaceRequest, found: Output) -> HttpResponse:
    """The two buttons with their new counts, in the place of the old ones."""
    counted = with_counts(Output.objects.filter(pk=found.pk)).select_related("deployment")
    context = {
        "row": output_row(counted.get()),
        "once": uuid7(),
        "back": request.POST.get("back", ""),
        "noted": True,
    }
    return render(request, "production/thumbs.html", context)


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
