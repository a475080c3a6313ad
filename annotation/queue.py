"""Handing out tasks: the cursor walks along `queue_key`, the lease holds a slot, the server draws the order.

One hand-out is three statements: lock the standing, take a slot, write the lease. Measured against an ORM
version the statements below save half of the processor time, which is why they are SQL.
"""

import json
import random
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Membership
from annotation.emptiness import Nothing, explain_emptiness, refusal_of
from annotation.hidden_gold import gold_due, gold_due_after, take_gold
from annotation.leases import expire_leases
from annotation.models import Assignment, Project, WorkEvent
from annotation.standings import LockedStanding, lock_standing
from core.errors import Conflict
from core.ids import uuid7

# The order is drawn from the system's entropy: nobody can predict on which side an answer will stand.
ORDER = random.SystemRandom()

# The subquery on the own assignment is scalar on purpose: it stays one index probe per candidate row, where
# NOT EXISTS could become a join over everything that the person ever answered. `+ 0` keeps the planner, when
# it has no statistics, from walking through the person's whole history instead of the task's few rows.
TAKE = """
    WITH picked AS (
        SELECT t.id FROM annotation_task t
        WHERE t.project_id = %(project)s AND t.open_slots > 0 AND t.purpose <> 'gold'
          AND t.queue_key > %(after)s AND t.queue_key <= %(until)s
          AND NOT EXISTS (SELECT 1 FROM annotation_assignment o WHERE o.project_id = %(project)s
                          AND o.membership_id + 0 = %(membership)s AND o.state = 'leased')
          AND COALESCE((SELECT a.state FROM annotation_assignment a WHERE a.task_id = t.id
                        AND a.membership_id + 0 = %(membership)s), 'expired') = 'expired'
        ORDER BY t.queue_key LIMIT 1
        FOR UPDATE OF t SKIP LOCKED
    )
    UPDATE annotation_task t SET open_slots = t.open_slots - 1
    FROM picked WHERE t.id = picked.id
    RETURNING t.id, t.queue_key,
              COALESCE((SELECT array_agg(c.uid ORDER BY c.position) FROM annotation_candidate c
                        WHERE c.task_id = t.id), '{}')
"""
# A task that expired in this person's hands keeps its order and its draft when it comes back.
LEASE = """
    WITH given AS (
        INSERT INTO annotation_assignment (uid, workspace_id, project_id, task_id, membership_id, state,
                                           shown_order, lease_until, opened_at, draft_version, skip_reason)
        VALUES (%(uid)s, %(workspace)s, %(project)s, %(task)s, %(membership)s, 'leased',
                %(order)s, now() + make_interval(secs => %(seconds)s), now(), 0, '')
        ON CONFLICT (task_id, membership_id) DO UPDATE
            SET state = 'leased', lease_until = excluded.lease_until, opened_at = excluded.opened_at
        RETURNING id, uid, shown_order, lease_until, draft, draft_version, draft_saved_at
    ), opened AS (
        INSERT INTO annotation_workevent (workspace_id, project_id, membership_id, assignment_id, kind, at)
        SELECT %(workspace)s, %(project)s, %(membership)s, given.id, 'opened', now() FROM given
    )
    UPDATE annotation_standing s SET cursor = %(cursor)s, gold_due = %(gold_due)s
    FROM given WHERE s.id = %(standing)s
    RETURNING given.id, given.uid, given.shown_order, given.lease_until,
              given.draft, given.draft_version, given.draft_saved_at
"""
PAST_ALL_KEYS = 2**63 - 1


class LeaseOver(Conflict):
    code = "lease_over"


@dataclass(frozen=True)
class Handed:
    """A task in the person's hands; `resumed` when it was there before."""

    assignment: Assignment
    resumed: bool
    submitted_count: int
    newest_guideline: int


@dataclass(frozen=True)
class _Taken:
    task_id: int
    cursor: int
    candidates: list[uuid.UUID]
    gold_due: int | None


@transaction.atomic
def hand_out(*, membership: Membership, project: Project) -> Handed | Nothing:
    """What a reviewer sent back, the person's open task, or the next one; Nothing says why there is none."""
    standing = lock_standing(membership=membership, project=project)
    refusal = refusal_of(membership=membership, project=project, standing=standing)
    if refusal:
        return refusal
    if standing.returned:
        return _hand_back(membership, project, standing, standing.returned)
    taken = _take_either(membership, project, standing)
    if taken:
        return _lease(membership, project, standing, taken)
    resumed = _resume(membership, project, standing)
    if resumed:
        return resumed
    # What looks empty may be full of leases that ran out since the last sweep.
    if expire_leases(project=project):
        taken = _take(membership, project, standing)
        if taken:
            return _lease(membership, project, standing, taken)
    return explain_emptiness(membership=membership, project=project)


def look(*, membership: Membership, project: Project) -> Nothing | None:
    """What a hand-out would say, without taking anything; None when a task is waiting."""
    with transaction.atomic():
        handed = hand_out(membership=membership, project=project)
        transaction.set_rollback(True)
    return handed if isinstance(handed, Nothing) else None


def _take_either(membership: Membership, project: Project, standing: LockedStanding) -> _Taken | None:
    """Gold where it is due and there is one that the person has not had, else work."""
    due = gold_due(project=project, standing=standing)
    if project.gold_every and due is not None and due <= standing.submitted_count:
        due = gold_due_after(project=project, standing=standing)
        gold = take_gold(membership=membership, project=project)
        if gold:
            return _Taken(gold[0], standing.cursor, gold[1], due)
    return _take(membership, project, replace(standing, gold_due=due))


def _take(membership: Membership, project: Project, standing: LockedStanding) -> _Taken | None:
    """Take a slot ahead of the cursor; at the end look once from the beginning up to the cursor."""
    ahead = _take_between(membership, project, standing, standing.cursor, PAST_ALL_KEYS)
    if ahead or not standing.cursor:
        return ahead
    return _take_between(membership, project, standing, -1, standing.cursor)


def _take_between(
    membership: Membership, project: Project, standing: LockedStanding, after: int, until: int
) -> _Taken | None:
    values = {"project": project.pk, "membership": membership.pk, "after": after, "until": until}
    with connection.cursor() as cursor:
        cursor.execute(TAKE, values)
        row = cursor.fetchone()
    return _Taken(row[0], row[1], row[2], standing.gold_due) if row else None


def _lease(membership: Membership, project: Project, standing: LockedStanding, taken: _Taken) -> Handed:
    order = list(taken.candidates)
    ORDER.shuffle(order)
    values: dict[str, Any] = {
        "uid": uuid7(),
        "workspace": project.workspace_id,
        "project": project.pk,
        "task": taken.task_id,
        "membership": membership.pk,
        "order": order,
        "seconds": project.lease_seconds,
        "cursor": taken.cursor,
        "gold_due": taken.gold_due,
        "standing": standing.id,
    }
    with connection.cursor() as cursor:
        cursor.execute(LEASE, values)
        row = cursor.fetchone()
    return Handed(
        assignment=_assignment(membership, project, taken.task_id, row),
        resumed=False,
        submitted_count=standing.submitted_count,
        newest_guideline=standing.newest_guideline,
    )


def _assignment(membership: Membership, project: Project, task_id: int, row: tuple[Any, ...]) -> Assignment:
    """The row just written, as the model: reading it again would cost a query a cycle."""
    identity, uid, shown_order, lease_until, draft, draft_version, draft_saved_at = row
    return Assignment(
        id=identity,
        uid=uid,
        workspace_id=project.workspace_id,
        project=project,
        task_id=task_id,
        membership=membership,
        state=Assignment.State.LEASED,
        shown_order=shown_order,
        lease_until=lease_until,
        draft=json.loads(draft) if isinstance(draft, str) else draft,
        draft_version=draft_version,
        draft_saved_at=draft_saved_at,
    )


def _hand_back(
    membership: Membership, project: Project, standing: LockedStanding, assignment_id: int
) -> Handed:
    """An answer that a reviewer sent back: it has its slot already, so there is no lease that could end."""
    assignment = Assignment.objects.select_for_update().get(pk=assignment_id)
    assignment.project, assignment.membership = project, membership
    assignment.opened_at = timezone.now()
    assignment.save(update_fields=["opened_at"])
    _note_opened(assignment)
    return Handed(
        assignment=assignment,
        resumed=True,
        submitted_count=standing.submitted_count,
        newest_guideline=standing.newest_guideline,
    )


def _resume(membership: Membership, project: Project, standing: LockedStanding) -> Handed | None:
    """The open task of this person. Its slot is still held, so even a lease that just ran out goes on."""
    open_lease = Assignment.objects.filter(
        membership=membership, project=project, state=Assignment.State.LEASED
    )
    assignment = open_lease.select_for_update().first()
    if assignment is None:
        return None
    assignment.project, assignment.membership = project, membership
    assignment.lease_until = _prolong(assignment)
    _note_opened(assignment)
    return Handed(
        assignment=assignment,
        resumed=True,
        submitted_count=standing.submitted_count,
        newest_guideline=standing.newest_guideline,
    )


def _note_opened(assignment: Assignment) -> None:
    WorkEvent.objects.create(
        workspace_id=assignment.workspace_id,
        project_id=assignment.project_id,
        membership_id=assignment.membership_id,
        assignment=assignment,
        kind=WorkEvent.Kind.OPENED,
    )


PROLONG = """
    UPDATE annotation_assignment SET lease_until = now() + make_interval(secs => %s)
    WHERE id = %s AND state = 'leased' RETURNING lease_until
"""


def _prolong(assignment: Assignment) -> datetime | None:
    with connection.cursor() as cursor:
        cursor.execute(PROLONG, [assignment.project.lease_seconds, assignment.pk])
        row = cursor.fetchone()
    return row[0] if row else None


def extend(*, assignment: Assignment) -> datetime:
    """The heartbeat of a page that is being worked on; raises LeaseOver when the slot went back."""
    lease_until = _prolong(assignment)
    if lease_until is None:
        raise LeaseOver(_("The time for this task ran out. You can still send your answer while it is open."))
    return lease_until
