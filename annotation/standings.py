"""A person's place in a project. Its row is the lock that puts one person's work in one order.

Every write about a person's work takes its locks as standing, then assignment, then task; so two tabs of one
person wait for each other instead of deadlocking.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection, transaction
from django.db.models.functions import Now

from accounts.models import Membership
from annotation.models import Project, Standing

# A pause without an end of its own.
UNTIL_REVIEWED = datetime(3000, 1, 1, tzinfo=UTC)

# Before a new table has statistics the planner takes a project for a handful of tasks and sorts them all;
# without sorts it must walk the index in queue order. The setting ends with the transaction.
LOCK = """
    SELECT set_config('enable_sort', 'off', true), s.id, s.cursor, s.submitted_count, s.warned_at IS NOT NULL,
           CASE WHEN s.paused_until > now() THEN s.paused_until END, s.reason,
           (SELECT max(c.version) FROM accounts_recordingconsent c WHERE c.membership_id = s.membership_id),
           (SELECT max(g.number) FROM annotation_guideline g WHERE g.project_id = s.project_id),
           s.gold_due,
           (SELECT min(a.id) FROM annotation_assignment a WHERE a.membership_id = s.membership_id
              AND a.project_id = s.project_id AND a.state = 'returned')
    FROM annotation_standing s
    WHERE s.project_id = %s AND s.membership_id = %s
    FOR UPDATE OF s
"""


@dataclass(frozen=True)
class LockedStanding:
    """`paused_until` is set only while the pause lasts; `consent` and `newest_guideline` are 0 for none.

    `returned` is the oldest assignment that a reviewer sent back to this person.
    """

    id: int
    cursor: int
    submitted_count: int
    has_accepted_warning: bool
    paused_until: datetime | None
    reason: str
    consent: int
    newest_guideline: int
    gold_due: int | None
    returned: int | None


def lock_standing(*, membership: Membership, project: Project) -> LockedStanding:
    """Lock the person's standing until the end of the transaction; made on the first visit."""
    with connection.cursor() as statement:
        statement.execute(LOCK, [project.pk, membership.pk])
        row = statement.fetchone()
    if row is None:
        standing = Standing(
            workspace_id=project.workspace_id, project_id=project.pk, membership_id=membership.pk
        )
        # Two first visits at once: the second one finds the row of the first.
        Standing.objects.bulk_create([standing], ignore_conflicts=True)
        return lock_standing(membership=membership, project=project)
    _setting, identity, cursor, count, accepted, paused_until, reason, consent, guideline, due, returned = row
    return LockedStanding(
        identity, cursor, count, accepted, paused_until, reason, consent or 0, guideline or 0, due, returned
    )


@transaction.atomic
def pause(*, membership: Membership, project: Project, reason: str) -> None:
    """Hand out nothing more to the person here until a reviewer has looked; the reason is shown to them."""
    locked = lock_standing(membership=membership, project=project)
    Standing.objects.filter(pk=locked.id).update(paused_until=UNTIL_REVIEWED, reason=reason)


@transaction.atomic
def resume(*, membership: Membership, project: Project) -> None:
    locked = lock_standing(membership=membership, project=project)
    Standing.objects.filter(pk=locked.id).update(paused_until=None, reason="")


@transaction.atomic
def accept_warning(*, membership: Membership, project: Project) -> None:
    """The person has read the project's content warning and wants to go on."""
    locked = lock_standing(membership=membership, project=project)
    Standing.objects.filter(pk=locked.id, warned_at__isnull=True).update(warned_at=Now())
