"""How long a job has taken."""

from datetime import timedelta

from django.utils import timezone

from jobs.models import Job


def time_taken(job: Job) -> timedelta | None:
    """From its start until its end, or until now."""
    if job.started_at is None or (job.ended_at is None and job.state != Job.State.RUNNING):
        return None
    return max(timedelta(), (job.ended_at or timezone.now()) - job.started_at)
