"""Resident models in tests: the engine by itself, and `manage.py inference` with all that it keeps."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import poll
from tests.jobs.processes import ROOT, database_url


class Resident:
    """`training.engine.serve` on a socket, as the platform starts it; output goes into files."""

    def __init__(self, directory: Path, *, model: Path, **changes: Any) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.socket = directory / "s.sock"
        self.stdout, self.stderr = directory / "stdout", directory / "stderr"
        document = {
            "schema": 1, "model": str(model), "socket": str(self.socket), "threads": 1, "device": "cpu",
            "parent_pid": os.getpid(),
        }  # fmt: skip
        path = directory / "serve.json"
        path.write_text(json.dumps(document | changes))
        with self.stdout.open("wb") as stdout, self.stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "training.engine.serve", str(path)],
                cwd="/",
                env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
            )

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stdout.read_text().splitlines()]

    def wait_until_ready(self) -> "Resident":
        poll(
            lambda: self.socket.exists() or self.process.poll() is not None,
            seconds=60,
            what="a resident model",
        )
        assert self.process.poll() is None, (self.told, self.stderr.read_text()[-2000:])
        return self

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=10)
        assert self.process.stdin is not None
        self.process.stdin.close()


class Inference:
    """`manage.py inference` on the tests' database."""

    def __init__(self, *, storage: Path, log: Path) -> None:
        self.log = log
        environment = {
            **os.environ,
            "DATABASE_URL": database_url(),
            "ANNOTERA_BLOB_ROOT": str(storage / "blobs"),
            "ANNOTERA_WORK_ROOT": str(storage / "work"),
            "ANNOTERA_INFERENCE_THREADS": "1",
            "ANNOTERA_DEVICE": "cpu",
        }
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "inference"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def engines(self) -> list[int]:
        """Its children: one process for each deployed model."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for path in tasks for pid in path.read_text().split()]

    def memory(self) -> float:
        """MiB of its own, its share of what it shares included."""
        text = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(text.split("\nPss:")[1].split()[0]) / 1024

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=30)
