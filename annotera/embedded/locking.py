"""One supervisor per home: a lock that the kernel releases whatever happens to its holder."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from annotera.embedded.refusals import Refused


@contextmanager
def home_lock(home: Path, *, purpose: str) -> Iterator[None]:
    """Hold the home for `purpose` (a command's name); refuse when another process holds it."""
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        _take(descriptor, home)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {purpose}".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, home: Path) -> None:
    """Whoever only looks at the lock holds it for a moment, so one failure means nothing."""
    for _ in range(5):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
        else:
            return
    raise Refused(_taken(home))


def _taken(home: Path) -> str:
    found = lock_holder(home)
    if found is None:
        return f"Another command is starting on {home}: try again in a moment."
    pid, purpose = found
    if purpose == "up":
        sentence = f"Annotera already runs on {home} (process {pid}): stop it with make stop"
    else:
        sentence = f"`manage.py {purpose}` (process {pid}) uses {home}: wait until it ends"
    return f"{sentence}, or set another ANNOTERA_HOME."


def lock_holder(home: Path) -> tuple[int, str] | None:
    """Process id and purpose of whoever holds the home, or None when it is free."""
    try:
        descriptor = os.open(home / "lock", os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise Refused(
            f"{home} belongs to another account: run this as the account that runs Annotera."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        pid, _, purpose = os.pread(descriptor, 200, 0).decode().partition(" ")
        return (int(pid), purpose) if pid.isdigit() else None
    finally:
        os.close(descriptor)
    return None


def stop_holder(home: Path, *, seconds: float) -> bool:
    """Ask the supervisor of this home to stop and wait for it; False when none runs."""
    found = lock_holder(home)
    if found is None:
        return False
    pid, purpose = found
    if purpose != "up":
        raise Refused(_taken(home))
    try:
        os.kill(pid, signal.SIGTERM)
    except PermissionError as error:
        raise Refused(
            f"Annotera (process {pid}) runs as another account: stop it as that account."
        ) from error
    deadline = time.monotonic() + seconds
    while lock_holder(home) == found:
        if time.monotonic() > deadline:
            raise Refused(
                f"Annotera (process {pid}) did not stop within {seconds:.0f} seconds: "
                f"end it with kill -9 {pid}."
            )
        time.sleep(0.05)
    return True
