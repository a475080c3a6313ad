"""The page of a task: take the next one, answer, skip, correct. Each works with and without JavaScript."""

import uuid
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from annotation.access import assignment_for, project_for
from annotation.emptiness import Nothing, Reason
from annotation.kinds import Answer
from annotation.kinds.answers import AnswerInvalid
from annotation.models import Assignment, Project
from annotation.queue import Handed, hand_out, look
from annotation.rules import kind_for, rules_for
from annotation.situations import Situation
from annotation.skipping import skip
from annotation.standings import accept_warning
from annotation.submissions import (
    REVISE_WITHIN,
    Answered,
    Receipt,
    RevisionOver,
    draft_kept,
    may_revise,
    revise,
    submit,
)
from annotation.task_page import fragment_context, page_context, recorded_answer, template_of
from core.requests import is_htmx


@require_POST
@member_page()
def next_task(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    project = project_for(membership=request.membership, uid=uid)
    return _next(request, project)


@require_safe
@member_page()
def queue(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """Why there is no task, or that one is waiting; looking takes nothing."""
    project = project_for(membership=request.membership, uid=uid)
    nothing = look(membership=request.membership, project=project)
    context = {"project": project, "nothing": nothing, "receipt": None}
    return render(request, "annotation/empty.html", context)


@require_POST
@member_page()
def accept(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """The content warning is accepted: on to the first task."""
    project = project_for(membership=request.membership, uid=uid)
    accept_warning(membership=request.membership, project=project)
    return _next(request, project)


@require_safe
@member_page()
def assignment(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = assignment_for(membership=request.membership, uid=uid)
    situation = Situation(receipt=_receipt_of(request))
    return render(request, template_of(found), page_context(found, situation))


@require_POST
@member_page()
def submit_answer(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = assignment_for(membership=request.membership, uid=uid)
    typed = dict(request.POST.lists())
    try:
        answer = kind_for(found).parse_form(typed, rules=rules_for(found))
    except AnswerInvalid as invalid:
        return _again(request, found, Situation(fields=typed, errors=invalid.fields), status=422)
    try:
        with draft_kept(assignment=found, answer=answer):
            receipt = _take(request, found, answer)
    except Answered as refusal:
        found.refresh_from_db()
        conflict = recorded_answer(found, refusal.message)
        if conflict is None:
            raise
        return _again(request, found, Situation(fields=typed, conflict=conflict), status=refusal.status)
    return _next(request, found.project, receipt)


def _take(request: WorkspaceRequest, found: Assignment, answer: Answer) -> Receipt:
    active_ms, revision = _number(request, "active_ms"), _number(request, "revision")
    seen = _number(request, "guideline_number") or None
    if revision:
        return revise(
            assignment=found, answer=answer, revision=revision, active_ms=active_ms, guideline_number=seen
        )
    return submit(assignment=found, answer=answer, active_ms=active_ms, guideline_number=seen)


@require_POST
@member_page()
def skip_task(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = assignment_for(membership=request.membership, uid=uid)
    skip(assignment=found, reason=request.POST.get("reason", ""), note=request.POST.get("note", ""))
    return _next(request, found.project)


@require_POST
@member_page()
def reopen(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """Back to an answer just given, to correct it; RevisionOver when its time has passed."""
    found = assignment_for(membership=request.membership, uid=uid)
    if not may_revise(assignment=found, at=timezone.now()):
        raise RevisionOver(_("The time for corrections is over; ask a reviewer."))
    address = _address(request, found)
    if not is_htmx(request):
        return HttpResponseRedirect(address, status=303)
    return _pushed(_again(request, found, Situation(), status=200), address)


def _next(request: WorkspaceRequest, project: Project, receipt: Receipt | None = None) -> HttpResponse:
    """Answer with the next task, or with the reason why there is none."""
    handed = hand_out(membership=request.membership, project=project)
    if isinstance(handed, Nothing):
        return _nothing(request, project, handed, receipt)
    address = _address(request, handed.assignment)
    if not is_htmx(request):
        done = f"?{urlencode({'done': receipt.assignment_uid})}" if receipt else ""
        return HttpResponseRedirect(address + done, status=303)
    return _fragment(request, handed, receipt, address)


def _fragment(
    request: WorkspaceRequest, handed: Handed, receipt: Receipt | None, address: str
) -> HttpResponse:
    situation = Situation(
        receipt=receipt,
        submitted_count=handed.submitted_count,
        newest_guideline=handed.newest_guideline,
    )
    context = fragment_context(handed.assignment, situation)
    # The guideline stands outside the fragment: a new version comes with a whole page.
    if context["guideline_number"] != _number(request, "guideline_number"):
        response = HttpResponse(status=200)
        response["HX-Redirect"] = address
        return response
    return _pushed(render(request, f"{template_of(handed.assignment)}#task", context), address)


def _nothing(
    request: WorkspaceRequest, project: Project, nothing: Nothing, receipt: Receipt | None
) -> HttpResponse:
    slug = request.membership.workspace.slug
    address = reverse("project-queue", args=[slug, project.uid])
    if nothing.reason == Reason.NO_CONSENT:
        address = f"{reverse('consent', args=[slug])}?{urlencode({'next': address})}"
    if not is_htmx(request):
        return HttpResponseRedirect(address, status=303)
    if nothing.reason == Reason.NO_CONSENT:
        response = HttpResponse(status=200)
        response["HX-Redirect"] = address
        return response
    # In place of the task the fragment stands alone and brings the page's heading along.
    context = {
        "project": project,
        "nothing": nothing,
        "receipt": _shown_receipt(request, receipt),
        "stands_alone": True,
    }
    return _pushed(render(request, "annotation/empty.html#task", context), address)


def _again(
    request: WorkspaceRequest, found: Assignment, situation: Situation, *, status: int
) -> HttpResponse:
    if is_htmx(request):
        context = fragment_context(found, situation)
        return render(request, f"{template_of(found)}#task", context, status=status)
    return render(request, template_of(found), page_context(found, situation), status=status)


def _receipt_of(request: WorkspaceRequest) -> Receipt | None:
    """Without JavaScript the receipt of the last answer comes by its address."""
    done = request.GET.get("done", "")
    try:
        identity = uuid.UUID(done)
    except ValueError:
        return None
    found = Assignment.objects.filter(uid=identity, membership=request.membership).first()
    current = found.annotations.filter(is_current=True).first() if found else None
    if found is None or current is None or current.submitted_at + REVISE_WITHIN < timezone.now():
        return None
    return Receipt(
        uid=current.uid,
        assignment_uid=found.uid,
        revision=current.revision,
        submitted_at=current.submitted_at,
    )


def _shown_receipt(request: WorkspaceRequest, receipt: Receipt | None) -> dict[str, object] | None:
    if receipt is None:
        return None
    reopen_url = reverse(
        "assignment-reopen", args=[request.membership.workspace.slug, receipt.assignment_uid]
    )
    return {"uid": receipt.uid, "submitted_at": receipt.submitted_at, "reopen_url": reopen_url}


def _address(request: WorkspaceRequest, found: Assignment) -> str:
    return reverse("assignment", args=[request.membership.workspace.slug, found.uid])


def _pushed(response: HttpResponse, address: str) -> HttpResponse:
    response["HX-Push-Url"] = address
    return response


def _number(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else 0
