"""Doorbells: messages that name a queue, never a job. Losing one costs a minute at most."""

import logging

from celery import current_app
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from jobs.models import Job

logger = logging.getLogger(__name__)

DOORBELL = "jobs.answer_doorbell"
# A broker that hangs instead of refusing must not hold up the request that rings.
SECONDS = 2


def claimable(queue: str) -> QuerySet[Job]:
    """Queued jobs that a worker may take now."""
    due = Q(not_before__isnull=True) | Q(not_before__lte=Now())
    return Job.objects.filter(due, queue=queue, state=Job.State.QUEUED, cancel_requested_at__isnull=True)


def ring(queue: str) -> bool:
    """Wake the workers of a queue; call it after the commit.

    A dead broker is no error: the rows keep `rung_at` empty, pages say so, and a sweep rings later.
    """
    return note_and_ring(claimable(queue).filter(rung_at__isnull=True), queue=queue, bells=1)


def note_and_ring(waiting: QuerySet[Job], *, queue: str, bells: int) -> bool:
    """Note in the rows that it rang, and ring; where the broker is dead the note is taken back.

    The note comes first. A worker passes over a row that is being written: one that heard the bell in that
    moment found nothing, and the job lay for a minute, until its bell counted as forgotten.
    """
    noted_at = timezone.now()
    waiting.update(rung_at=noted_at)
    if send_bells(queue, bells):
        return True
    Job.objects.filter(queue=queue, rung_at=noted_at).update(rung_at=None)
    return False


def send_bells(queue: str, count: int) -> bool:
    """Publish on a connection of our own: pooled ones wait as long as a worker may."""
    quick = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS, "max_retries": 0}
    try:
        with current_app.connection_for_write(transport_options=quick) as connection:
            for _ in range(count):
                current_app.send_task(
                    DOORBELL,
                    args=[queue],
                    queue=queue,
                    connection=connection,
                    retry=False,
                    ignore_result=True,
                )
    except (KombuError, RedisError, OSError) as error:
        logger.warning("The doorbell of the queue %s could not be rung: %s", queue, error)
        return False
    return True
