"""Waiting for jobs that a worker runs, with their own words on the way."""

import time
from collections.abc import Callable
from typing import Any

from django.db import close_old_connections
from django.utils.translation import gettext as _

from core.errors import DomainError
from jobs.models import Job

Say = Callable[[str], None]
SECONDS_BETWEEN_LOOKS = 0.25
ENDED = {Job.State.SUCCEEDED, Job.State.FAILED, Job.State.CANCELLED}


class StepFailed(DomainError):
    """A step of the loop did not reach what the next one needs; the message says why and what to do."""

    code = "step_failed"


def until_done(job: Job | None, *, say: Say) -> Job:
    """Wait for a job, however long it takes. Raises StepFailed with the reason of one that failed."""
    if job is None:
        raise StepFailed(_("There is no job to wait for."))
    said = ""
    while True:
        job = Job.objects.get(pk=job.pk)
        if job.state in ENDED:
            break
        # One line a tenth of the way: a terminal is read, not watched.
        sentence = f"{job.title}: {round(job.progress * 10) * 10} %" if job.progress else ""
        if sentence and sentence != said:
            said = sentence
            say(f"    {sentence}")
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if job.state != Job.State.SUCCEEDED:
        words = " ".join(part for part in (job.reason, job.hint) if part)
        raise StepFailed(_("%(title)s: %(words)s") % {"title": job.title, "words": words or job.state})
    return job


def until(found: Callable[[], Any], *, what: str, trouble: Callable[[], str]) -> Any:
    """Wait for something that a worker does by itself, however slow the machine is.

    Raises StepFailed with what `trouble` says as soon as it says something.
    """
    while not (value := found()):
        if words := trouble():
            raise StepFailed(_("%(what)s did not come: %(words)s") % {"what": what, "words": words})
        close_old_connections()
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return value
