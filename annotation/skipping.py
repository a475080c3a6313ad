"""Skipping a task: always allowed, never counted against the person."""

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.leases import return_slots
from annotation.models import Assignment, WorkEvent
from annotation.standings import lock_standing
from annotation.submissions import Answered
from core.errors import Invalid
from core.text import is_one_line

LONGEST_NOTE = 280
REASONS = {
    "cannot_judge": gettext_lazy("I cannot judge this"),
    "distressing": gettext_lazy("I do not want to read this"),
    "broken": gettext_lazy("The task is broken"),
    "language": gettext_lazy("I do not know the language"),
    "other": gettext_lazy("Another reason"),
}


@transaction.atomic
def skip(*, assignment: Assignment, reason: str = "", note: str = "") -> None:
    """Give the task back; it goes to the end of the queue and does not come to this person again.

    A repeat changes nothing. Raises Answered for a task that is answered, Invalid for an unknown reason.
    """
    words = _words(reason, note)
    lock_standing(membership=assignment.membership, project=assignment.project)
    locked = Assignment.objects.select_for_update().get(pk=assignment.pk)
    if locked.state == Assignment.State.SUBMITTED:
        raise Answered(_("You have already answered this task."))
    if locked.state == Assignment.State.SKIPPED:
        return
    # What a reviewer sent back and the person does not want to mend goes to somebody else, too.
    if locked.state in {Assignment.State.LEASED, Assignment.State.RETURNED}:
        return_slots(task_ids=[locked.task_id], slots=1)
    locked.state = Assignment.State.SKIPPED
    locked.lease_until = None
    locked.skip_reason = words
    locked.save(update_fields=["state", "lease_until", "skip_reason"])
    WorkEvent.objects.create(
        workspace_id=locked.workspace_id,
        project_id=locked.project_id,
        membership_id=locked.membership_id,
        assignment=locked,
        kind=WorkEvent.Kind.SKIPPED,
    )


def _words(reason: str, note: str) -> str:
    if reason and reason not in REASONS:
        raise Invalid(_("Choose one of the offered reasons."), fields={"reason": _("unknown")})
    if len(note) > LONGEST_NOTE or not is_one_line(note):
        raise Invalid(
            _("The note must be one line of at most 280 characters."),
            fields={"note": _("too long or unprintable")},
        )
    return ": ".join(part for part in (reason, note.strip()) if part)
