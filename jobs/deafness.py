"""Notices a worker that lives but no longer hears doorbells.

Celery's issues 8091, 9054 and 10205 tell of workers that stop consuming after a reconnect to the broker.
"""

import logging
import time
from collections.abc import Callable, Collection
from datetime import timedelta

from celery.worker import state
from django.db.models.functions import Now

from jobs.doorbells import claimable
from jobs.registry import kinds_for

logger = logging.getLogger(__name__)

SECONDS = 180.0


def tasks_seen() -> int:
    """How many doorbells this worker's main process ever took from the broker."""
    return sum(state.total_count.values())


class Deafness:
    """Calls `stop` when jobs waited with a rung bell all the time while this worker did nothing at all."""

    def __init__(
        self,
        queues: Collection[str],
        *,
        stop: Callable[[], None],
        seconds: float = SECONDS,
        heard: Callable[[], int] = tasks_seen,
        busy: Callable[[], bool] = lambda: bool(state.reserved_requests),
    ) -> None:
        self._queues = queues
        self._stop = stop
        self._seconds = seconds
        self._heard = heard
        self._busy = busy
        self._count = heard()
        self._since = time.monotonic()

    def look(self) -> None:
        count = self._heard()
        if self._busy() or count != self._count or not self._somebody_waits():
            self._count, self._since = count, time.monotonic()
        elif time.monotonic() - self._since >= self._seconds:
            logger.error(
                "Jobs wait but no doorbell was heard for %.0f s: this worker starts anew.", self._seconds
            )
            self._stop()

    def _somebody_waits(self) -> bool:
        """Only bells that the broker took lately count: while it is down nobody can hear."""
        lately = Now() - timedelta(seconds=self._seconds + 120)
        return any(
            claimable(queue).filter(kind__in=kinds_for(queue), rung_at__gt=lately).exists()
            for queue in self._queues
        )
