"""What the supervisor must know of a server or worker: how to start it, when it is ready, how it stops."""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from annotera.embedded.accounts import Account
from annotera.embedded.children import ON_LINUX, Launch, send, spawn


def _nothing() -> None:
    return None


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Service:
    """One entry of the process table.

    `clear` removes what a dead predecessor left behind and runs before every start. `outlives_others` is for
    servers that the rest needs until it has stopped.
    """

    name: str
    launch: Launch
    is_ready: Callable[[], bool] = _always
    clear: Callable[[], None] = _nothing
    stop_signal: signal.Signals = signal.SIGTERM
    outlives_others: bool = False
    seconds_to_start: float = 60.0

    def start(self) -> subprocess.Popen[bytes]:
        self.clear()
        return spawn(self.launch)


@dataclass(frozen=True)
class Place:
    """Where and as whom the servers of one home run."""

    home: Path
    account: Account | None
    options: Mapping[str, str] = field(default_factory=dict)

    def log(self, name: str) -> Path:
        return self.home / "log" / f"{name}.log"


def server_environment() -> dict[str, str]:
    """Servers inherit nothing: a missing locale in LANG alone would keep initdb from working."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}


def end_processes(find: Callable[[], set[int]], *, signals: tuple[tuple[signal.Signals, float], ...]) -> None:
    """Send each signal in turn, waiting up to its seconds, until no process is found any more."""
    if not ON_LINUX:
        return
    for signal_number, seconds in signals:
        found = find()
        if not found:
            return
        for pid in found:
            send(pid, signal_number)
        _wait_until_gone(find, seconds)


def _wait_until_gone(find: Callable[[], set[int]], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while find() and time.monotonic() < deadline:
        time.sleep(0.02)
