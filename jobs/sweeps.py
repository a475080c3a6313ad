"""Periodic work, in a thread of every worker and under one advisory lock, so no extra process is needed."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

# Any number will do, as long as nobody else locks it: the letters "jobs".
LOCK = 0x6A6F6273
# After how many pauses without the lock a worker sweeps all the same.
PATIENCE = 4

Work = Callable[[], int | None]


@dataclass
class Sweep:
    name: str
    work: Work
    every: float
    due_at: float = 0.0


_sweeps: dict[str, Sweep] = {}


def sweep(name: str, *, every: float) -> Callable[[Work], Work]:
    """Register the decorated function to be called about every so many seconds by one worker at a time.

    It must be idempotent and keep its transactions short; the number that it returns is logged.
    """

    def register(work: Work) -> Work:
        _sweeps[name] = Sweep(name=name, work=work, every=every)
        return work

    return register


def sweep_once() -> bool:
    """Run every sweep that is due; False when another worker is sweeping."""
    with _lock() as held:
        if held:
            run_due()
        return held


def run_due() -> None:
    for entry in list(_sweeps.values()):
        if time.monotonic() >= entry.due_at:
            entry.due_at = time.monotonic() + entry.every
            _run(entry)


@contextmanager
def _lock() -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        held = bool(cursor.fetchone()[0])
    try:
        yield held
    finally:
        if held:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _run(entry: Sweep) -> None:
    # The boundary of the process: one app's broken sweep must not stop the others.
    try:
        count = entry.work()
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("The sweep “%s” broke.", entry.name)
        return
    if count:
        logger.info("The sweep “%s” dealt with %d.", entry.name, count)


class Sweeper(threading.Thread):
    """Sweeps until it is told to stop. It holds no connection in between, so a fork inherits none."""

    def __init__(self, *, and_then: Callable[[], None] = lambda: None) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._and_then = and_then
        self._swept_at = time.monotonic()
        self._over = threading.Event()

    def stop(self) -> None:
        self._over.set()

    def run(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            self._sweep()
            # Workers that started together should not ask for the lock together for ever.
            pause = settings.JOB_SWEEP_SECONDS * random.uniform(0.9, 1.1)

    def _sweep(self) -> None:
        try:
            if sweep_once():
                self._swept_at = time.monotonic()
            elif time.monotonic() - self._swept_at > PATIENCE * settings.JOB_SWEEP_SECONDS:
                # Whoever holds the lock may be suspended. It only saves work: sweeps are idempotent.
                run_due()
            self._and_then()
        except (OperationalError, InterfaceError) as error:
            logger.warning("Nothing was swept, the database does not answer: %s", error)
        finally:
            connection.close()
