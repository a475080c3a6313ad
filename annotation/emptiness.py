"""Why the queue hands out nothing, in words that tell the person what to do."""

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import connection
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.consent import CURRENT_VERSION
from accounts.models import Membership
from annotation.models import Project
from annotation.standings import UNTIL_REVIEWED, LockedStanding


class Reason(StrEnum):
    NO_CONSENT = "no_consent"
    WARNING = "warning"
    PERSON_PAUSED = "person_paused"
    PROJECT_PAUSED = "project_paused"
    PROJECT_CLOSED = "project_closed"
    NO_TASKS = "no_tasks"
    HELD_BY_OTHERS = "held_by_others"
    ANSWERED_ALL = "answered_all"
    DONE = "done"


@dataclass(frozen=True)
class Nothing:
    """`retry_after` is in seconds: after that a new look may find something."""

    reason: Reason
    sentence: str
    held_by_others: int = 0
    retry_after: int | None = None


def refusal_of(*, membership: Membership, project: Project, standing: LockedStanding) -> Nothing | None:
    """What stands between the person and the next task, whatever the queue holds."""
    if project.state == Project.State.CLOSED:
        return Nothing(Reason.PROJECT_CLOSED, _("This project is closed. Thank you for your work."))
    if project.state == Project.State.PAUSED:
        return Nothing(Reason.PROJECT_PAUSED, _("This project is paused. An admin will open it again."))
    if standing.consent < CURRENT_VERSION and not membership.is_simulated:
        return Nothing(
            Reason.NO_CONSENT, _("Before you start, read what is recorded about your work and agree to it.")
        )
    if project.content_warning and not standing.has_accepted_warning:
        return Nothing(Reason.WARNING, project.content_warning)
    if standing.paused_until:
        return _paused(standing.paused_until, standing.reason)
    return None


def _paused(until: datetime, reason: str) -> Nothing:
    if until >= UNTIL_REVIEWED:
        sentence = _("Your work in this project is paused until a reviewer has looked at it.")
        return Nothing(Reason.PERSON_PAUSED, f"{sentence} {reason}".strip())
    sentence = _("Your work in this project is paused until %(time)s; a reviewer will look at it.") % {
        "time": date_format(timezone.localtime(until), "j M Y H:i")
    }
    return Nothing(Reason.PERSON_PAUSED, f"{sentence} {reason}".strip(), retry_after=_seconds_to(until))


SITUATION = """
    SELECT EXISTS (SELECT 1 FROM annotation_task WHERE project_id = %(project)s),
           EXISTS (SELECT 1 FROM annotation_task WHERE project_id = %(project)s AND open_slots > 0
                   AND purpose <> 'gold'),
           count(*), min(a.lease_until)
    FROM annotation_assignment a
    WHERE a.project_id = %(project)s AND a.state = 'leased' AND a.membership_id <> %(membership)s
      AND NOT EXISTS (SELECT 1 FROM annotation_annotation n WHERE n.task_id = a.task_id
                      AND n.membership_id = %(membership)s AND n.is_current)
"""


def explain_emptiness(*, membership: Membership, project: Project) -> Nothing:
    """Asked only when nothing was found, so the ordinary hand-out pays nothing for it."""
    with connection.cursor() as cursor:
        cursor.execute(SITUATION, {"project": project.pk, "membership": membership.pk})
        has_tasks, has_open, held, first_end = cursor.fetchone()
    if not has_tasks:
        return Nothing(Reason.NO_TASKS, _("No tasks have been imported yet."), retry_after=60)
    if held:
        return _held(held, first_end)
    if has_open:
        return Nothing(
            Reason.ANSWERED_ALL,
            _("You have answered or skipped every task; what remains is for other people."),
            retry_after=60,
        )
    return Nothing(Reason.DONE, _("All tasks are done. Thank you for your work."))


def _held(held: int, first_end: datetime) -> Nothing:
    sentence = ngettext(
        "The last open task is with another person until %(time)s at the latest.",
        "The last %(count)d open tasks are with other people; the first is back at %(time)s at the latest.",
        held,
    )
    at = date_format(timezone.localtime(first_end), "H:i")
    words = sentence % {"count": held, "time": at}
    return Nothing(Reason.HELD_BY_OTHERS, words, held_by_others=held, retry_after=_seconds_to(first_end))


def _seconds_to(moment: datetime) -> int:
    return max(1, math.ceil((moment - timezone.now()).total_seconds()))
