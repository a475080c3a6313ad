"""Keeps a lease alive from a thread of its own, and knows whether the job may go on."""

import logging
import threading
import time
from types import TracebackType

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from core.requests import bind_request_id
from jobs.claiming import Lease, beat, peek
from jobs.failures import JobCancelled, LeaseLost, WorkerStopping
from jobs.stopping import stop_requested

logger = logging.getLogger(__name__)

# How often the row is read for a cancel request between two heartbeats.
SECONDS_TO_HEAR = 1.0


class Pulse:
    """Beats while it is entered. `taken_at` is the monotonic time just before the claim was sent.

    The database's clock decides who holds the lease; the monotonic clock here only tells how long we may
    believe in our last successful beat when the database does not answer.
    """

    def __init__(self, lease: Lease, *, taken_at: float, request_id: str = "") -> None:
        self.lost = False
        self.cancel_requested = False
        self._lease = lease
        self._request_id = request_id
        self._beaten_at = taken_at
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"pulse-{lease.job_id}", daemon=True)

    def __enter__(self) -> "Pulse":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._over.set()
        # A beat that hangs in a dead database must not keep the worker: the thread is a daemon.
        self._thread.join(timeout=5)

    @property
    def seconds_left(self) -> float:
        """How long the lease certainly lasts without another beat."""
        return self._beaten_at + settings.JOB_LEASE_SECONDS - time.monotonic()

    @property
    def is_lost(self) -> bool:
        return self.lost or self.seconds_left <= 0

    def give_up(self) -> None:
        """Stop beating, so that another worker gets the job when the lease has run out."""
        self._over.set()

    def check(self) -> None:
        """Raise what a handler must stop for, if there is anything. Costs no query."""
        if self.is_lost:
            raise LeaseLost
        if self.cancel_requested:
            raise JobCancelled
        if stop_requested():
            raise WorkerStopping

    def _run(self) -> None:
        bind_request_id(self._request_id)
        interval = min(settings.JOB_HEARTBEAT_SECONDS, settings.JOB_LEASE_SECONDS / 4)
        try:
            while not self.lost and not self._over.wait(min(SECONDS_TO_HEAR, interval)):
                self._listen(beating=time.monotonic() - self._beaten_at >= interval)
        finally:
            connection.close()

    def _listen(self, *, beating: bool) -> None:
        now = time.monotonic()
        try:
            self.cancel_requested = beat(self._lease) if beating else peek(self._lease)
        except LeaseLost:
            logger.warning("Job %s: the lease is lost.", self._lease.job_id)
            self.lost = True
        except (OperationalError, InterfaceError) as error:
            logger.warning(
                "Job %s: no heartbeat, the database does not answer: %s", self._lease.job_id, error
            )
            connection.close()
        else:
            if beating:
                self._beaten_at = now
