"""Starting children that die with their parent, and finding those that did not.

The kernel's help is Linux's: parent-death signals, the subreaper, /proc. Elsewhere children are ordinary
children, and leftovers of a killed supervisor must be ended by hand.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from annotera.embedded.accounts import Account

ON_LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None, use_errno=True) if ON_LINUX else None
LARGEST_LOG = 10_000_000
# Set in every Python process that a supervisor starts, and inherited by what these start in turn.
SUPERVISED = "ANNOTERA_SUPERVISED_HOME"


@dataclass(frozen=True)
class Launch:
    """What to start: the command, where its output goes, and as whom it runs."""

    argv: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    cwd: Path
    account: Account | None = None
    pass_fds: tuple[int, ...] = ()
    death_signal: signal.Signals = signal.SIGTERM


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent dies, so that none is lost."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def spawn(launch: Launch) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, which the kernel ends when this process dies.

    Must be called from the main thread: the kernel sends the signal when the starting thread ends.
    """
    _rotate(launch.log)
    with _open_log(launch.log, os.O_APPEND) as log:
        return _start(launch, output=log, errors=log)


def spawn_talking(launch: Launch) -> subprocess.Popen[bytes]:
    """As `spawn`, but the child's words reach the person and only its errors go to a new log."""
    with _open_log(launch.log, os.O_TRUNC) as log:
        return _start(launch, output=None, errors=log)


def _start(launch: Launch, *, output: BinaryIO | None, errors: BinaryIO) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        list(launch.argv),
        cwd=launch.cwd,
        env=dict(launch.environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        start_new_session=True,
        pass_fds=launch.pass_fds,
        preexec_fn=die_with_parent(launch.death_signal),
        **drop_to(launch.account),
    )


def drop_to(account: Account | None) -> dict[str, Any]:
    """Keyword arguments for `subprocess` that give up root's rights."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """What runs in the child after it dropped its rights, which would clear the request, and before exec."""
    parent = os.getpid()

    def ask_kernel() -> None:
        if LIBC is None:
            return
        LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask_kernel


def _open_log(path: Path, mode: int) -> BinaryIO:
    """Root opens it in a folder of the servers' account, so a link there must not lead elsewhere."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | mode, 0o640), "wb")


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_name(f"{log.name}.1"))


def send(pid: int, signal_number: signal.Signals) -> None:
    """A process may end between being seen and being signalled."""
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        pass


def send_to_group(pid: int, signal_number: signal.Signals) -> None:
    try:
        os.killpg(pid, signal_number)
    except (ProcessLookupError, PermissionError):
        pass


def own_children() -> set[int]:
    """All children of this process, with those that it adopted."""
    found: set[int] = set()
    for task in Path("/proc/self/task").glob("*"):
        try:
            found.update(int(pid) for pid in (task / "children").read_text().split())
        except FileNotFoundError:
            continue
    return found


def processes_in(directory: Path, *, program: str) -> set[int]:
    """Processes of this name that work in this directory, as servers do in their data directory.

    The name keeps a person's shell that happens to stand there out of it.
    """
    wanted = os.path.realpath(directory)
    return {pid for pid in _all_processes() if _working_directory(pid) == wanted and _name(pid) == program}


def supervised_processes(home: Path) -> set[int]:
    """Processes that a supervisor of this home started, whoever their parent is now, but not our own line."""
    mark = f"{SUPERVISED}={home}".encode()
    return {pid for pid in _all_processes() if mark in _environment(pid)} - set(_ancestry())


def _ancestry() -> Iterator[int]:
    pid = os.getpid()
    while pid > 0:
        yield pid
        pid = _parent_of(pid)


def _parent_of(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[1])


def _all_processes() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))


def _working_directory(pid: int) -> str:
    """Empty for a process that has ended, even while it is a zombie."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
