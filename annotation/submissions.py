"""Taking an answer: atomic, once, and never lost.

A refused answer stays as the draft of its assignment: wrap the call in `draft_kept`.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from annotation.kinds import Answer
from annotation.models import Annotation, Assignment, Project, Task
from annotation.rules import kind_for
from core.errors import Conflict
from corpus.models import Erasure

REVISE_WITHIN = timedelta(minutes=10)

# The standing is locked before the assignment, always: see `annotation.standings`. The guideline is the one
# that the page showed; a caller that does not say gets the newest one at the time of opening.
LOCK = """
    WITH standing AS MATERIALIZED (
        SELECT id FROM annotation_standing WHERE project_id = %(project)s AND membership_id = %(membership)s
        FOR UPDATE
    )
    SELECT standing.id, a.state, (extract(epoch FROM now() - a.opened_at) * 1000)::bigint, now(),
           (SELECT g.id FROM annotation_guideline g WHERE g.project_id = %(project)s
              AND (g.number = %(seen)s OR (%(seen)s IS NULL AND g.published_at <= a.opened_at))
            ORDER BY g.number DESC LIMIT 1),
           (SELECT b.subject_key FROM annotation_taskbody b WHERE b.task_id = a.task_id)
    FROM annotation_assignment a, standing
    WHERE a.id = %(assignment)s
    FOR UPDATE OF a
"""
CLOSE = """
    WITH closed AS (
        UPDATE annotation_assignment SET state = 'submitted', lease_until = NULL, draft = NULL
        WHERE id = %(assignment)s
    ), event AS (
        INSERT INTO annotation_workevent (workspace_id, project_id, membership_id, assignment_id, kind, at)
        VALUES (%(workspace)s, %(project)s, %(membership)s, %(assignment)s, 'submitted', now())
    )
    UPDATE annotation_standing
    SET submitted_count = submitted_count + %(counted)s,
        gold_count = gold_count + CASE WHEN (SELECT t.purpose FROM annotation_task t WHERE t.id = %(task)s)
                                            = 'gold' THEN %(counted)s ELSE 0 END
    WHERE id = %(standing)s
"""


class NotTaken(Conflict):
    """The answer cannot be counted any more; it is kept as a draft."""


class Answered(NotTaken):
    """There is another answer already; it is only changed by a correction that knows its revision."""

    code = "answered"


class SlotGone(NotTaken):
    code = "slot_gone"


class RevisionOver(NotTaken):
    code = "revision_over"


@dataclass(frozen=True)
class Receipt:
    """What the person gets in hand: the answer is stored."""

    uid: uuid.UUID
    assignment_uid: uuid.UUID
    revision: int
    submitted_at: datetime

    @property
    def undo_until(self) -> datetime:
        return self.submitted_at + REVISE_WITHIN


@dataclass(frozen=True)
class _Locked:
    standing_id: int
    state: str
    wall_ms: int
    now: datetime
    guideline_id: int | None
    subject_key: str | None


@contextmanager
def draft_kept(*, assignment: Assignment, answer: Answer) -> Iterator[None]:
    """Keep a refused answer as the assignment's draft, in its own transaction, and let the refusal pass."""
    try:
        yield
    except NotTaken:
        # Not even as a draft are words about a person kept whose data was erased meanwhile.
        erased = Erasure.objects.values("subject_key")
        kept = Assignment.objects.filter(pk=assignment.pk).exclude(task__body__subject_key__in=erased)
        kept.update(
            draft=kind_for(assignment).fields_of(answer.as_json()),
            draft_version=F("draft_version") + 1,
            draft_saved_at=Now(),
        )
        raise


@transaction.atomic
def submit(
    *, assignment: Assignment, answer: Answer, active_ms: int = 0, guideline_number: int | None = None
) -> Receipt:
    """Store the first answer of an assignment; the same answer again gets the same receipt.

    An answer after the lease ran out takes an open slot of the task. Raises SlotGone when others took them
    all or the project was closed, Answered when another answer is stored already.
    """
    locked = _lock(assignment, guideline_number)
    if locked.state == Assignment.State.SUBMITTED:
        return _repeated(assignment, answer)
    if locked.state == Assignment.State.RETURNED:
        return _mend(assignment, answer, locked, active_ms)
    if locked.state != Assignment.State.LEASED:
        _take_open_slot(assignment)
    annotation = _store(assignment, answer, locked, revision=1, active_ms=active_ms)
    _close(assignment, locked, counted=1)
    return _receipt(assignment, annotation)


@transaction.atomic
def revise(
    *,
    assignment: Assignment,
    answer: Answer,
    revision: int,
    active_ms: int = 0,
    guideline_number: int | None = None,
) -> Receipt:
    """Store a correction as the next revision, a short while after the first answer.

    `revision` is the one that the person saw: Answered when it is not the newest, RevisionOver when the time
    for corrections has passed. The earlier revision stays in the history.
    """
    locked = _lock(assignment, guideline_number)
    current = assignment.annotations.filter(is_current=True).first()
    if current is None:
        raise Answered(_("There is no answer to correct: send a first one."))
    is_returned = locked.state == Assignment.State.RETURNED
    if current.answer == answer.as_json() and not is_returned:
        return _receipt(assignment, current)
    if current.revision != revision:
        raise Answered(_("This answer was corrected in another window meanwhile."))
    if not is_returned and not may_revise(assignment=assignment, at=locked.now):
        raise RevisionOver(_("The time for corrections is over; ask a reviewer."))
    return _follow(current, assignment, answer, locked, active_ms)


def _mend(assignment: Assignment, answer: Answer, locked: _Locked, active_ms: int) -> Receipt:
    """The answer to what a reviewer sent back, whatever it says: the same again is an answer too."""
    current = assignment.annotations.get(is_current=True)
    return _follow(current, assignment, answer, locked, active_ms)


def _follow(
    current: Annotation, assignment: Assignment, answer: Answer, locked: _Locked, active_ms: int
) -> Receipt:
    """Store the next revision; the one before stays in the history."""
    Annotation.objects.filter(pk=current.pk).update(is_current=False)
    annotation = _store(assignment, answer, locked, revision=current.revision + 1, active_ms=active_ms)
    _close(assignment, locked, counted=0)
    return _receipt(assignment, annotation)


def may_revise(*, assignment: Assignment, at: datetime) -> bool:
    """The time runs from the first answer on, so that corrections cannot prolong themselves.

    What a reviewer sent back may be corrected at any time.
    """
    if assignment.state == Assignment.State.RETURNED:
        return True
    first = assignment.annotations.order_by("revision").first()
    return first is not None and at <= first.submitted_at + REVISE_WITHIN


def _lock(assignment: Assignment, guideline_number: int | None) -> _Locked:
    values = {
        "project": assignment.project_id,
        "membership": assignment.membership_id,
        "assignment": assignment.pk,
        "seen": guideline_number,
    }
    with connection.cursor() as cursor:
        cursor.execute(LOCK, values)
        return _Locked(*cursor.fetchone())


def _repeated(assignment: Assignment, answer: Answer) -> Receipt:
    # None where the person whom the task is about was erased.
    current = assignment.annotations.filter(is_current=True).first()
    if current is not None and current.answer == answer.as_json():
        return _receipt(assignment, current)
    raise Answered(_("You have already answered this task in another window; that answer stands."))


def _take_open_slot(assignment: Assignment) -> None:
    if assignment.project.state == Project.State.CLOSED:
        raise SlotGone(_("The project was closed meanwhile. Your answer is kept as a draft."))
    taken = Task.objects.filter(pk=assignment.task_id, open_slots__gt=0).update(
        open_slots=F("open_slots") - 1
    )
    if not taken:
        raise SlotGone(
            _("Your time ran out and others have completed this task. Your answer is kept as a draft.")
        )


def _store(
    assignment: Assignment, answer: Answer, locked: _Locked, *, revision: int, active_ms: int
) -> Annotation:
    wall_ms = max(0, locked.wall_ms)
    return Annotation.objects.create(
        workspace_id=assignment.workspace_id,
        project_id=assignment.project_id,
        task_id=assignment.task_id,
        assignment=assignment,
        membership_id=assignment.membership_id,
        guideline_id=locked.guideline_id,
        revision=revision,
        answer=answer.as_json(),
        # The browser counts the active time; it cannot be longer than the time on our clock.
        active_ms=min(max(0, active_ms), wall_ms, 2**31 - 1),
        wall_ms=wall_ms,
        is_simulated=assignment.membership.is_simulated,
        subject_key=locked.subject_key,
        submitted_at=locked.now,
    )


def _close(assignment: Assignment, locked: _Locked, *, counted: int) -> None:
    values: dict[str, Any] = {
        "assignment": assignment.pk,
        "task": assignment.task_id,
        "workspace": assignment.workspace_id,
        "project": assignment.project_id,
        "membership": assignment.membership_id,
        "counted": counted,
        "standing": locked.standing_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(CLOSE, values)


def _receipt(assignment: Assignment, annotation: Annotation) -> Receipt:
    return Receipt(
        uid=annotation.uid,
        assignment_uid=assignment.uid,
        revision=annotation.revision,
        submitted_at=annotation.submitted_at,
    )
