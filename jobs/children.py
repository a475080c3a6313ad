"""One engine process: its start on a leash, its small environment, its group's end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from django.conf import settings

from jobs.logfiles import JobLog

LEASH = Path(__file__).with_name("leash.py")
# What a child may inherit. The addresses and secrets of our services are not among it.
INHERITED = (
    "PATH", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SSL_CERT_FILE",
    "CUDA_VISIBLE_DEVICES", "CUDA_HOME", "NVIDIA_VISIBLE_DEVICES", "ANNOTERA_SUPERVISED_HOME",
)  # fmt: skip
CHUNK = 64 * 1024
SECONDS_TO_VANISH = 5.0


def child_environment(*, home: Path, threads: int, extra: Mapping[str, str]) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    own = {
        "HOME": str(home),
        "PYTHONPATH": str(settings.BASE_DIR),
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HOME": str(home / "huggingface"),
        "TOKENIZERS_PARALLELISM": "false",
    }
    pools = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    return {"LANG": "C.UTF-8", **inherited, **own, **pools, **extra}


class Child:
    """A process in a group of its own. Its standard input stays open: its end tells that we are gone."""

    def __init__(
        self, argv: Sequence[str], *, directory: Path, environment: Mapping[str, str], log: JobLog
    ) -> None:
        # The kernel's death signal follows the thread that starts the child, so this must be a thread
        # that lives as long as the child may.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *argv],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._pump = threading.Thread(target=_pump, args=(self._process.stderr, log), daemon=True)
        self._pump.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def read_line(self, limit: int) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker; it is a pipe
        return self._process.stdout.readline(limit)

    def ask_to_stop(self) -> None:
        """The leader decides what becomes of its helpers, so that it can still write a checkpoint."""
        if not self.has_ended:
            self._process.send_signal(signal.SIGTERM)

    def wait(self) -> None:
        """A child may close its output before it has ended; somebody else sees that it does end."""
        self._process.wait()

    def kill_group(self) -> None:
        kill_group(self.pid)

    def close(self) -> int:
        """End whatever is left of the group and return the exit code."""
        self.kill_group()
        code = self._process.wait()
        self._pump.join(timeout=SECONDS_TO_VANISH)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        return code


def kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # Everybody in it has ended already.
        return


def _pump(source: IO[bytes], log: JobLog) -> None:
    while chunk := os.read(source.fileno(), CHUNK):
        log.append(chunk)


def remember(path: Path, pid: int) -> None:
    """Note the child beside the job, so that a later attempt can end it."""
    path.write_text(json.dumps({"pid": pid, "started": _start_time(pid)}))


def end_predecessor(path: Path) -> None:
    """Kill the child of an earlier attempt that is still there, e.g. because its worker was suspended.

    Whoever calls this holds the lease, and the shared directory must have one writer.
    """
    try:
        noted = json.loads(path.read_text())
        pid, started = int(noted["pid"]), str(noted["started"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return
    deadline = time.monotonic() + SECONDS_TO_VANISH
    while started and _start_time(pid) == started and time.monotonic() < deadline:
        kill_group(pid)
        time.sleep(0.05)


def _start_time(pid: int) -> str:
    """Tells a process from a later one with the same number; empty where the kernel does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    is_zombie = fields[0] in {"Z", "X"}
    return "" if is_zombie else fields[19]
