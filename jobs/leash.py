"""Becomes the program in its arguments, tied to the process that started it: `leash.py PARENT PROGRAM...`.

Runs as a script of its own, because doing this between fork and exec is unsafe in a process with threads.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
# The kernel's choice when memory runs out: the engine rather than the database beside it.
OOM_SCORE = "500"


def main() -> None:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        _volunteer()
    if os.getppid() != parent:
        sys.exit("The process that started this one is gone.")
    os.execvp(program[0], program)  # noqa: S606


def _volunteer() -> None:
    try:
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    except OSError:
        # Some containers forbid it; then the kernel chooses as it likes.
        return


if __name__ == "__main__":
    main()
