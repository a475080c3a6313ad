"""Decides from a thread of its own when an engine child must stop, and sees that it does.

It never touches the database, so that it still acts while a callback or a heartbeat hangs there.
"""

import enum
import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

from django.conf import settings

from jobs.children import Child
from jobs.pulse import Pulse
from jobs.stopping import stop_requested

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 0.2
# A stopping installation kills its workers after a few seconds: the child must have ended before.
SECONDS_AT_SHUTDOWN = 3.0
# Helpers of an ended child may hold its standard output open.
SECONDS_FOR_HELPERS = 1.0
SECONDS_TO_RETURN = 10.0


class Stop(enum.Enum):
    CANCELLED = "a person cancelled the job"
    WORKER = "the worker is stopping"
    DOUBT = "the database has not answered for too long"
    LOST = "the lease is lost"
    HUNG = "a callback does not return"


class Guard:
    """Watches the child while it is entered. `stopped_for` is the first reason it was stopped for."""

    def __init__(self, child: Child, *, pulse: Pulse, on_hung: Callable[[], None] | None = None) -> None:
        self.stopped_for: Stop | None = None
        self._child = child
        self._pulse = pulse
        self._on_hung = on_hung
        self._kill_at = 0.0
        self._busy_since: float | None = None
        self._ended_at: float | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"guard-{child.pid}", daemon=True)

    def __enter__(self) -> "Guard":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def callback_begins(self) -> None:
        self._busy_since = time.monotonic()

    def callback_ended(self) -> None:
        self._busy_since = None

    def _run(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN_LOOKS):
            self._look()

    def _look(self) -> None:
        now = time.monotonic()
        if self._child.has_ended:
            self._end_helpers(now)
        reason = self._reason()
        if reason is None:
            return
        if self.stopped_for is None:
            logger.info("The child %d is asked to stop: %s.", self._child.pid, reason.value)
            self._begin(reason, now)
        if reason is Stop.LOST or now >= self._kill_at:
            self._child.kill_group()
        if reason is Stop.HUNG and self._on_hung and now >= self._kill_at + SECONDS_TO_RETURN:
            logger.error("The callback still hangs: this process ends itself.")
            self._on_hung()

    def _begin(self, reason: Stop, now: float) -> None:
        self.stopped_for = reason
        self._kill_at = now + self._patience(reason)
        if reason is Stop.HUNG:
            self._pulse.give_up()
        self._child.ask_to_stop()

    def _reason(self) -> Stop | None:
        if self._pulse.is_lost and self.stopped_for is not Stop.HUNG:
            return Stop.LOST
        if self.stopped_for is not None:
            return self.stopped_for
        if self._pulse.cancel_requested:
            return Stop.CANCELLED
        if stop_requested():
            return Stop.WORKER
        if self._pulse.seconds_left < self._doubt():
            return Stop.DOUBT
        began = self._busy_since
        if began is not None and time.monotonic() - began > settings.JOB_LEASE_SECONDS:
            return Stop.HUNG
        return None

    def _doubt(self) -> float:
        """The last part of the lease is kept for the child to end in."""
        return min(settings.JOB_KILL_AFTER_SECONDS, settings.JOB_LEASE_SECONDS / 3)

    def _patience(self, reason: Stop) -> float:
        if reason is Stop.LOST:
            return 0.0
        if reason is Stop.DOUBT:
            return self._pulse.seconds_left
        if reason is Stop.WORKER:
            return min(settings.JOB_KILL_AFTER_SECONDS, SECONDS_AT_SHUTDOWN)
        return float(settings.JOB_KILL_AFTER_SECONDS)

    def _end_helpers(self, now: float) -> None:
        self._ended_at = self._ended_at or now
        if now - self._ended_at >= SECONDS_FOR_HELPERS:
            self._child.kill_group()
