"""An engine process must not outlive the job that started it: another worker may already have taken the job
over.
"""

import ctypes
import os
import signal
import sys
import threading
import time

# Not an exit code of the protocol: nobody is left to read it.
ORPHANED = 4
POLL_SECONDS = 1.0
PR_SET_PDEATHSIG = 1


def die_with_parent(*, parent_pid: int) -> None:
    """End this process within seconds of its parent's death, by three independent ways.

    The kernel's signal is at once but Linux only, and fires when the *thread* that started us ends, so a
    parent must start us from a thread that lives as long as the job. End of file on stdin works everywhere
    as long as the parent holds the pipe open. Polling getppid() catches the rest.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    expected = _expected_parent(parent_pid)
    if os.getppid() != expected:
        os._exit(ORPHANED)
    threading.Thread(target=_watch_stdin, name="lifeline-stdin", daemon=True).start()
    threading.Thread(target=_watch_parent, args=(expected,), name="lifeline-parent", daemon=True).start()


def _expected_parent(parent_pid: int) -> int:
    # Under torchrun the launcher stands between the job and this rank, and it ends its ranks itself.
    return os.getppid() if "TORCHELASTIC_RUN_ID" in os.environ else parent_pid


def _watch_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(ORPHANED)


def _watch_parent(expected: int) -> None:
    while os.getppid() == expected:
        time.sleep(POLL_SECONDS)
    os._exit(ORPHANED)
