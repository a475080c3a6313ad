"""When a person gets a gold task, and which: nothing about it differs from work once it is handed out.

After each gold task the next one falls due after 1 to 2n - 1 submitted answers, drawn anew each time: n on
average, and nobody can count along. Only people who submit come closer to it, so skipping calls up no gold.
"""

import random
import uuid

from django.db import connection

from accounts.models import Membership
from annotation.models import Project
from annotation.standings import LockedStanding

CHANCE = random.SystemRandom()
# As many slots as there can be: every person may get each gold task once.
SLOTS = 32_000

TAKE = """
    WITH picked AS (
        SELECT t.id FROM annotation_task t
        WHERE t.project_id = %(project)s AND t.purpose = 'gold' AND t.open_slots > 0
          AND NOT EXISTS (SELECT 1 FROM annotation_assignment o WHERE o.project_id = %(project)s
                          AND o.membership_id + 0 = %(membership)s AND o.state = 'leased')
          AND COALESCE((SELECT a.state FROM annotation_assignment a WHERE a.task_id = t.id
                        AND a.membership_id + 0 = %(membership)s), 'expired') = 'expired'
        ORDER BY random() LIMIT 1
        FOR UPDATE OF t SKIP LOCKED
    )
    UPDATE annotation_task t SET open_slots = t.open_slots - 1
    FROM picked WHERE t.id = picked.id
    RETURNING t.id, COALESCE((SELECT array_agg(c.uid ORDER BY c.position) FROM annotation_candidate c
                              WHERE c.task_id = t.id), '{}')
"""


def take_gold(*, membership: Membership, project: Project) -> tuple[int, list[uuid.UUID]] | None:
    """A gold task that this person has not had, any one of them, and its candidates."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"project": project.pk, "membership": membership.pk})
        row = cursor.fetchone()
    return (row[0], row[1]) if row else None


def gold_due(*, project: Project, standing: LockedStanding) -> int | None:
    """At how many submitted answers the next gold task comes; None in a project without gold."""
    every, submitted, due = project.gold_every, standing.submitted_count, standing.gold_due
    if not every:
        return due
    # At first, and when an admin asks for gold more often than before.
    if due is None or due - submitted >= 2 * every:
        return submitted + CHANCE.randrange(every)
    return due


def gold_due_after(*, project: Project, standing: LockedStanding) -> int:
    return standing.submitted_count + 1 + CHANCE.randrange(2 * project.gold_every - 1)
