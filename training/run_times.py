"""How long a run will still take."""

from datetime import timedelta

from django.utils import timezone

from jobs.models import Job

# Below this the speed so far says little about the time left.
LEAST_PROGRESS = 0.03


def time_left(job: Job) -> timedelta | None:
    """At the speed so far; None where that says little."""
    if job.state != Job.State.RUNNING or job.started_at is None or job.progress < LEAST_PROGRESS:
        return None
    return (timezone.now() - job.started_at) * (1 - job.progress) / job.progress
