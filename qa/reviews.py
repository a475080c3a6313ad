"""What reviewers decide about answers: accept, mend and accept, send back, reject. Each decision is audited.

Two who decide at once: the row is locked, the second one is told what the first one decided.
"""

import uuid
from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import AuditEvent, Membership
from annotation.kinds.answers import AnswerInvalid
from annotation.models import Assignment, Project
from annotation.rules import kind_for, rules_for
from annotation.standings import lock_standing, pause
from core.errors import Conflict, Invalid
from core.text import refusal
from qa.inbox import held_members, judge_again, judge_tasks, take_all
from qa.locks import lock_project
from qa.models import Acceptance, GoldScore
from qa.risks import NEVER_UNSEEN

LONGEST_COMMENT = 1000
State = Acceptance.State


class AlreadyDecided(Conflict):
    """Somebody else was faster; the message says who decided what."""

    code = "already_decided"


class Superseded(Conflict):
    """The annotator corrected the answer meanwhile: the correction has a review of its own."""

    code = "superseded"


@transaction.atomic
def accept(*, acceptance: Acceptance, by: Membership, comment: str = "") -> Acceptance:
    """Raises AlreadyDecided and Superseded, as all decisions do."""
    return _decided(_locked(acceptance), State.ACCEPTED, by=by, comment=comment)


@transaction.atomic
def fix_and_accept(
    *, acceptance: Acceptance, by: Membership, answer: object, comment: str = ""
) -> Acceptance:
    """Accept with the reviewer's answer in place of the annotator's, which stays in the history.

    Raises Invalid that names the wrong fields.
    """
    locked = _locked(acceptance)
    assignment = locked.annotation.assignment
    try:
        given = kind_for(assignment).parse_answer(answer, rules=rules_for(assignment))
    except AnswerInvalid as invalid:
        fields = {name: _(sentence) for name, sentence in invalid.fields.items()}
        raise Invalid(_("The answer breaks a rule."), fields=fields) from invalid
    fixed = given.as_json()
    locked.fixed_answer = None if fixed == locked.annotation.answer else fixed
    return _decided(locked, State.ACCEPTED, by=by, comment=comment)


@transaction.atomic
def reject(*, acceptance: Acceptance, by: Membership, comment: str = "") -> Acceptance:
    """What was rejected speaks against nobody: the answers that it contradicted are judged anew."""
    lock_project(acceptance.project_id)
    rejected = _decided(_locked(acceptance), State.REJECTED, by=by, comment=comment)
    judge_tasks(rejected.annotation.project, {rejected.annotation.task_id})
    return rejected


@transaction.atomic
def send_back(*, acceptance: Acceptance, by: Membership, comment: str) -> Acceptance:
    """Ask the annotator to mend the answer; they see it, with the comment, before any other task.

    Raises Invalid without a comment, and Conflict when the person has left.
    """
    words = _comment(comment)
    if not words:
        sentence = _("Write what should be mended: the person sees nothing else.")
        raise Invalid(sentence, fields={"comment": sentence})
    assignment = acceptance.annotation.assignment
    if not assignment.membership.is_active:
        raise Conflict(_("This person has left the workspace: mend the answer yourself, or reject it."))
    # The order of all writes about a person's work: standing, assignment, then what hangs on them.
    lock_standing(membership=assignment.membership, project=acceptance.project)
    Assignment.objects.select_for_update().get(pk=assignment.pk)
    locked = _locked(acceptance)
    Assignment.objects.filter(pk=assignment.pk).update(
        state=Assignment.State.RETURNED, return_note=words, draft=None
    )
    return _decided(locked, State.SENT_BACK, by=by, comment=comment)


@transaction.atomic
def reopen(*, acceptance: Acceptance, by: Membership) -> Acceptance:
    """Take a decision back, one's own or another's; the audit keeps both. A repeat changes nothing."""
    assignment = acceptance.annotation.assignment
    lock_project(acceptance.project_id)
    lock_standing(membership=assignment.membership, project=acceptance.project)
    Assignment.objects.select_for_update().get(pk=assignment.pk)
    locked = _of_current(acceptance)
    if locked.state == State.OPEN:
        return locked
    Assignment.objects.filter(pk=assignment.pk, state=Assignment.State.RETURNED).update(
        state=Assignment.State.SUBMITTED
    )
    before = locked.state
    locked.state, locked.fixed_answer = State.OPEN, None
    locked.decided_by = locked.decided_at = None
    locked.save(update_fields=["state", "fixed_answer", "decided_by", "decided_at"])
    if before == State.REJECTED:
        # It speaks again: others may be contradicted by it, whom the policy had accepted without it.
        judge_tasks(acceptance.project, {assignment.task_id})
    _audit(locked, by=by, decision="reopened", before=before)
    return locked


def _comment(text: object) -> str:
    if not isinstance(text, str) or len(text) > LONGEST_COMMENT or refusal(text):
        sentence = _("A text of at most %(longest)d characters.") % {"longest": LONGEST_COMMENT}
        raise Invalid(sentence, fields={"comment": sentence})
    return text.replace("\r\n", "\n").strip()


def _of_current(acceptance: Acceptance) -> Acceptance:
    found = Acceptance.objects.select_for_update(of=("self",)).select_related(
        "workspace", "annotation__assignment__project", "annotation__project", "decided_by"
    )
    locked = found.get(pk=acceptance.pk)
    if not locked.annotation.is_current:
        raise Superseded(_("The annotator has corrected this answer meanwhile; review the correction."))
    return locked


def _locked(acceptance: Acceptance) -> Acceptance:
    """The row, locked, if it is still to be decided: what the policy accepted may be decided by a person."""
    locked = _of_current(acceptance)
    if locked.state == State.OPEN or (locked.state == State.ACCEPTED and locked.decided_by_id is None):
        return locked
    raise AlreadyDecided(
        _("This answer is decided already: %(state)s by %(name)s.")
        % {
            "state": locked.get_state_display(),
            "name": locked.decided_by.pseudonym if locked.decided_by else _("policy"),
        }
    )


def _decided(locked: Acceptance, state: State, *, by: Membership, comment: str) -> Acceptance:
    locked.state, locked.comment = state, _comment(comment)
    locked.decided_by, locked.decided_at = by, timezone.now()
    locked.save(update_fields=["state", "comment", "decided_by", "decided_at", "fixed_answer"])
    _audit(locked, by=by, decision=state.value, fixed=locked.fixed_answer is not None)
    return locked


def _audit(acceptance: Acceptance, *, by: Membership, **detail: Any) -> None:
    record(
        kind=AuditEvent.Kind.REVIEWED,
        membership=by,
        object_kind="annotation",
        object_uid=acceptance.annotation.uid,
        **detail,
    )


@transaction.atomic
def reject_person(*, project: Project, membership: Membership, by: Membership, comment: str = "") -> int:
    """Reject all of a person's work in the project and pause the person; the number of rejected answers."""
    words = _comment(comment)
    take_all(project=project)
    lock_project(project.pk)
    if membership.pk not in held_members(project):
        pause(membership=membership, project=project, reason=words[:300])
    theirs = Assignment.objects.filter(project=project, membership=membership)
    theirs.filter(state=Assignment.State.RETURNED).update(state=Assignment.State.SUBMITTED)
    now = timezone.now()
    kept = Acceptance.objects.filter(project=project, annotation__membership=membership)
    rejected = kept.filter(annotation__is_current=True).exclude(state=State.REJECTED)
    count = rejected.update(state=State.REJECTED, comment=words, decided_by=by, decided_at=now)
    score = GoldScore.objects.filter(project=project, membership=membership)
    score.update(reviewed_by=by, reviewed_at=now)
    judge_again(project, membership.pk)
    _audit_many(project, by=by, decision="rejected_person", person=membership.pseudonym, count=count)
    return count


@transaction.atomic
def accept_rest(*, project: Project, by: Membership, chosen: Collection[uuid.UUID] | None = None) -> int:
    """Accept what is still open and may be accepted unseen; the number of accepted answers.

    `chosen` names the reviews among them that are meant; None means all. Left open: what annotators flagged,
    what was mended after a review, and the work of people who failed the gold tasks or are paused.
    """
    take_all(project=project)
    lock_project(project.pk)
    needs_a_look = Q()
    for reason in NEVER_UNSEEN:
        needs_a_look |= Q(reasons__contains=[reason])
    rest = Acceptance.objects.filter(project=project, state=State.OPEN, annotation__is_current=True)
    rest = rest.exclude(needs_a_look).exclude(annotation__membership__in=held_members(project))
    if chosen is not None:
        rest = rest.filter(uid__in=chosen)
    # The words of a decision that was taken back are none of this one.
    count = rest.update(state=State.ACCEPTED, comment="", decided_by=by, decided_at=timezone.now())
    if count:
        _audit_many(project, by=by, decision="accepted_rest", count=count)
    return count


def _audit_many(project: Project, *, by: Membership, **detail: Any) -> None:
    record(
        kind=AuditEvent.Kind.REVIEWED,
        membership=by,
        object_kind="project",
        object_uid=project.uid,
        **detail,
    )
