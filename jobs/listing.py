"""What a person may ask of the list of jobs and of a log; pages and the API read it alike."""

from collections.abc import Mapping

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from core.errors import Unreadable
from jobs.models import Job

LARGEST_OFFSET = 2**62


def in_state(jobs: QuerySet[Job], parameters: Mapping[str, str]) -> QuerySet[Job]:
    """The jobs in the state that `?state=` names; raises Unreadable for one that does not exist."""
    state = parameters.get("state", "")
    if not state:
        return jobs
    if state not in Job.State.values:
        raise Unreadable(_("There is no such state."), fields={"state": _("unknown")})
    return jobs.filter(state=state)


def offset(parameters: Mapping[str, str]) -> int:
    """The byte after which `?after=` wants the log; raises Unreadable for anything but a number."""
    value = parameters.get("after", "0")
    if not (value.isascii() and value.isdigit() and len(value) < 20 and int(value) < LARGEST_OFFSET):
        raise Unreadable(_("“after” must be a whole number of bytes."), fields={"after": _("unreadable")})
    return int(value)
