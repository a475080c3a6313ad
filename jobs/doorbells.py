"""Doorbells: messages that name a queue, never a job. Losing one costs a minute at most."""

import logging

from celery import current_app
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
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
    if not send_bells(queue, 1):
        return False
    claimable(queue).filter(rung_at__isnull=True).update(rung_at=Now())
    return True


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
