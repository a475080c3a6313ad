"""The review queue and the review of one answer."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Membership, Role
from annotation.access import project_for
from annotation.kinds.answers import AnswerInvalid, Fields
from annotation.models import Project
from annotation.rules import kind_for, rules_for
from core.errors import Conflict, Invalid
from core.pagination import newest_first
from qa import inbox, reviews
from qa.access import acceptance_for
from qa.deciding import decide
from qa.listing import MOST_OPEN, open_reviews, review_counts, reviews_of
from qa.models import Acceptance
from qa.review_page import in_words, letters_of, opening_of, review_context
from qa.risks import REASONS

AT_A_TIME = 50


@require_safe
@member_page(Role.REVIEWER)
def review_queue(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """What is open, riskiest first; the other states newest first."""
    project = project_for(membership=request.membership, uid=uid)
    inbox.take_some(project=project)
    state = request.GET.get("state", "") or Acceptance.State.OPEN
    if state not in Acceptance.State.values:
        raise Invalid(_("There is no such state."), fields={"state": _("unknown")})
    cursor = ""
    if state == Acceptance.State.OPEN:
        rows = list(open_reviews(project)[:MOST_OPEN])
    else:
        page = newest_first(reviews_of(project, state), before=request.GET.get("before", ""), size=AT_A_TIME)
        rows, cursor = page.rows, page.next_cursor
    counts = review_counts(project)
    context = {
        "project": project,
        "rows": [_row(project, acceptance) for acceptance in rows],
        "state": state,
        "tabs": [(value, label, counts[value]) for value, label in Acceptance.State.choices],
        "open": counts[Acceptance.State.OPEN],
        "next_cursor": cursor,
    }
    return render(request, "qa/reviews.html", context)


def _row(project: Project, acceptance: Acceptance) -> dict[str, object]:
    annotation = acceptance.annotation
    annotation.project = project
    words = in_words(annotation, acceptance.fixed_answer or annotation.answer, letters_of(annotation))
    return {
        "acceptance": acceptance,
        "reasons": [REASONS[reason] for reason in acceptance.reasons if reason in REASONS],
        "answer": words[:80],
        "opening": opening_of(annotation.task),
    }


@require_safe
@member_page(Role.REVIEWER)
def review(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    acceptance = acceptance_for(membership=request.membership, uid=uid)
    return render(request, "qa/review.html", review_context(acceptance))


@require_POST
@member_page(Role.REVIEWER)
def review_decide(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """One decision; what is wrong with it is said on the page that was sent, with what was typed."""
    acceptance = acceptance_for(membership=request.membership, uid=uid)
    typed = dict(request.POST.lists())
    try:
        _decide(acceptance, request.membership, request.POST.get("decision", ""), typed)
    except (AnswerInvalid, Invalid) as refusal:
        errors = {name: _(sentence) for name, sentence in refusal.fields.items()}
        context = review_context(acceptance, typed=typed, errors=errors)
        return render(request, "qa/review.html", context, status=422)
    except Conflict as refusal:
        # The row has moved on: the page shows what it is now, beside what was typed.
        acceptance = acceptance_for(membership=request.membership, uid=uid)
        context = review_context(acceptance, typed=typed, errors={"decision": refusal.message})
        return render(request, "qa/review.html", context, status=refusal.status)
    messages.success(request, _("Decided."))
    slug = request.membership.workspace.slug
    following = open_reviews(acceptance.project).exclude(pk=acceptance.pk).first()
    if following is None:
        return redirect("reviews", slug, acceptance.project.uid)
    return redirect("review", slug, following.uid)


def _decide(acceptance: Acceptance, by: Membership, decision: str, typed: Fields) -> None:
    answer = None
    if decision == "fix":
        assignment = acceptance.annotation.assignment
        answer = kind_for(assignment).parse_form(typed, rules=rules_for(assignment)).as_json()
    comment = typed.get("comment", ("",))[-1]
    decide(acceptance=acceptance, by=by, decision=decision, comment=comment, answer=answer)


@require_POST
@member_page(Role.REVIEWER)
def accept_rest(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    project = project_for(membership=request.membership, uid=uid)
    count = reviews.accept_rest(project=project, by=request.membership)
    messages.success(request, _("%(count)d answers are accepted.") % {"count": count})
    return redirect("reviews", request.membership.workspace.slug, project.uid)
