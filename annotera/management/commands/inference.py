"""Keep one process for each deployed model, until SIGTERM."""

import fcntl
import logging
import os
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, close_old_connections

from production.serving import Manager

logger = logging.getLogger(__name__)

# When all is well a row is read once a second and nothing else happens.
PAUSE, SHORT_PAUSE = 1.0, 0.1


class Command(BaseCommand):
    help = (
        "Load each deployed model into a process of its own, keep it alive, and stop it when it is retired."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: object, **options: object) -> None:
        with Bell() as bell, _alone(bell) as alone:
            if alone:
                _run(Manager(), bell)


class Bell:
    """Waits for a signal: SIGTERM and SIGINT say that it is over, a child's end only wakes."""

    def __init__(self) -> None:
        self.is_over = False
        self._ear, self._mouth = socket.socketpair()

    def __enter__(self) -> "Bell":
        self._ear.setblocking(False)
        self._mouth.setblocking(False)
        signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        self._ear.close()
        self._mouth.close()

    def _end(self, *_: object) -> None:
        self.is_over = True

    def wait(self, seconds: float) -> bool:
        """Whether it is over, after so many seconds or a signal."""
        if select.select([self._ear], [], [], seconds)[0]:
            self._ear.recv(4096)
        return self.is_over


def _run(manager: Manager, bell: Bell) -> None:
    cleared = False
    try:
        while not bell.is_over:
            try:
                if not cleared:
                    manager.clear()
                    cleared = True
                manager.tend()
            except (OperationalError, InterfaceError) as error:
                logger.warning("The database does not answer: %s", error)
                close_old_connections()
            bell.wait(SHORT_PAUSE if manager.is_busy else PAUSE)
    finally:
        manager.stop()


@contextmanager
def _alone(bell: Bell) -> Iterator[bool]:
    """One manager a home: another waits until this one has ended, or until it is itself told to stop."""
    folder = Path(settings.WORK_ROOT)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / "inference.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        held = _take(descriptor)
        if not held:
            logger.warning("Another inference process serves this home; waiting for its end.")
        while not held and not bell.wait(PAUSE):
            held = _take(descriptor)
        yield held
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
