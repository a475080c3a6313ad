"""The review queue and the review of one answer."""

import uuid
from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Membership, Role
from annotation.access import project_for
from annotation.kinds.answers import AnswerInvalid, Fields
from annotation.rules import kind_for, rules_for
from core.errors import Conflict, Invalid
from qa import inbox, reviews
from qa.access import acceptance_for
from qa.deciding import decide
from qa.models import Acceptance
from qa.queue_page import queue_context
from qa.review_lists import narrowed_by, next_review
from qa.review_page import review_context

# The session remembers the last decision for one page, so that the next page can offer to take it back.
LAST_DECISION = "qa-last-decision"


@require_safe
@member_page(Role.REVIEWER)
def review_queue(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """What is open, riskiest first; the other states newest first."""
    project = project_for(membership=request.membership, uid=uid)
    inbox.take_some(project=project)
    state = request.GET.get("state", "") or Acceptance.State.OPEN
    if state not in Acceptance.State.values:
        raise Invalid(_("There is no such state."), fields={"state": _("unknown")})
    context = queue_context(
        project, state=state, narrowed=narrowed_by(request.GET), before=request.GET.get("before", "")
    )
    return render(request, "qa/reviews.html", {**context, **_last_decision(request)})


@require_safe
@member_page(Role.REVIEWER)
def review(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    acceptance = acceptance_for(membership=request.membership, uid=uid)
    compared = request.GET.get("left", ""), request.GET.get("right", "")
    context = review_context(acceptance, narrowed=narrowed_by(request.GET), compared=compared)
    return render(request, "qa/review.html", {**context, **_last_decision(request)})


def _last_decision(request: WorkspaceRequest) -> Mapping[str, object]:
    # Somebody who has come to another workspace meanwhile can take nothing back from there.
    last = request.session.pop(LAST_DECISION, None)
    is_here = last is not None and last.get("workspace") == request.membership.workspace_id
    return {"last_decision": last if is_here else None}


@require_POST
@member_page(Role.REVIEWER)
def review_decide(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """One decision; what is wrong with it is said on the page that was sent, with what was typed."""
    acceptance = acceptance_for(membership=request.membership, uid=uid)
    narrowed = narrowed_by(request.POST)
    typed = dict(request.POST.lists())
    decision = request.POST.get("decision", "")
    try:
        decided = _decide(acceptance, request.membership, decision, typed)
    except (AnswerInvalid, Invalid) as refusal:
        errors = {name: _(sentence) for name, sentence in refusal.fields.items()}
        context = review_context(acceptance, narrowed=narrowed, typed=typed, errors=errors)
        return render(request, "qa/review.html", context, status=422)
    except Conflict as refusal:
        # The row has moved on: the page shows what it is now, beside what was typed.
        acceptance = acceptance_for(membership=request.membership, uid=uid)
        errors = {"decision": refusal.message}
        context = review_context(acceptance, narrowed=narrowed, typed=typed, errors=errors)
        return render(request, "qa/review.html", context, status=refusal.status)
    slug = request.membership.workspace.slug
    if decision == "reopen":
        messages.success(request, _("The answer is open again."))
        return redirect(reverse("review", args=[slug, decided.uid]) + narrowed.query)
    request.session[LAST_DECISION] = _told(decided)
    following = next_review(acceptance, narrowed)
    if following is None:
        return redirect(reverse("reviews", args=[slug, acceptance.project.uid]) + narrowed.query)
    return redirect(reverse("review", args=[slug, following]) + narrowed.query)


def _decide(acceptance: Acceptance, by: Membership, decision: str, typed: Fields) -> Acceptance:
    answer = None
    if decision == "fix":
        assignment = acceptance.annotation.assignment
        answer = kind_for(assignment).parse_form(typed, rules=rules_for(assignment)).as_json()
    comment = typed.get("comment", ("",))[-1]
    return decide(acceptance=acceptance, by=by, decision=decision, comment=comment, answer=answer)


def _told(decided: Acceptance) -> dict[str, object]:
    words = {
        Acceptance.State.ACCEPTED: _("Accepted."),
        Acceptance.State.REJECTED: _("Rejected."),
        Acceptance.State.SENT_BACK: _("Sent back."),
    }
    is_mended = decided.fixed_answer is not None
    told = _("Mended and accepted.") if is_mended else words[Acceptance.State(decided.state)]
    return {"uid": str(decided.uid), "words": str(told), "workspace": decided.workspace_id}


@require_POST
@member_page(Role.REVIEWER)
def accept_rest(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """Everything that may be accepted unseen, or only what was chosen of it."""
    project = project_for(membership=request.membership, uid=uid)
    narrowed = narrowed_by(request.POST)
    chosen = _uids(request.POST.getlist("chosen")) if "only_chosen" in request.POST else None
    count = reviews.accept_rest(project=project, by=request.membership, chosen=chosen)
    told = ngettext("%(count)d answer is accepted.", "%(count)d answers are accepted.", count)
    if chosen == []:
        messages.error(request, _("Nothing was accepted: choose some answers first."))
    else:
        messages.success(request, told % {"count": count})
    return redirect(
        reverse("reviews", args=[request.membership.workspace.slug, project.uid]) + narrowed.query
    )


def _uids(texts: list[str]) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(text) for text in texts]
    except ValueError as error:
        raise Invalid(_("There is no such review."), fields={"chosen": _("unknown")}) from error
