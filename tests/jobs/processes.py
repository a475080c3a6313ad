"""Real processes for the tests: a broker that may be killed, and workers on the test's own database."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import redis
from django.db import connection

from annotera.embedded.binaries import find_valkey
from tests.conftest import poll

ROOT = Path(__file__).resolve().parents[2]
QUICK = {
    "ANNOTERA_JOB_LEASE": "6",
    "ANNOTERA_JOB_HEARTBEAT": "1",
    "ANNOTERA_JOB_SWEEP": "1",
    "ANNOTERA_JOB_KILL_AFTER": "2",
    "ANNOTERA_ENGINE_THREADS": "1",
}


class Broker:
    """A Valkey of the tests' own on a unix socket; it keeps its data over a restart."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.socket = directory / "v.sock"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis+socket://{self.socket}?virtual_host=3"

    @property
    def client(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket), db=3)

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        options = ["--port", "0", "--unixsocket", str(self.socket), "--appendonly", "yes", "--save", ""]
        self.process = subprocess.Popen(
            [str(find_valkey()), *options], cwd=self.directory, stdout=subprocess.DEVNULL
        )
        poll(self._answers, what="the broker")

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def database_url() -> str:
    values = connection.settings_dict
    login = f"{quote(values['USER'])}:{quote(values['PASSWORD'])}" if values["USER"] else ""
    host = {"host": values["HOST"]} | ({"port": values["PORT"]} if values["PORT"] else {})
    return f"postgresql://{login}@/{values['NAME']}?{urlencode(host)}"


class Worker:
    """`celery worker` in a session of its own, as the supervisor starts it."""

    def __init__(
        self, *, broker: Broker, work: Path, log: Path, queues: str, name: str, **extra: str
    ) -> None:
        self.log = log
        environment = {**os.environ, **QUICK, "DATABASE_URL": database_url(), "BROKER_URL": broker.url}
        environment |= {"ANNOTERA_WORK_ROOT": str(work), "PYTHONPATH": str(ROOT), **extra}
        command = [sys.executable, "-m", "celery", "--app", "annotera", "worker", "--queues", queues]
        options = ["--concurrency", "1", "--hostname", f"{name}@test", "--loglevel", "INFO"]
        quiet = ["--without-gossip", "--without-mingle", "--include", "tests.jobs.handlers"]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, *options, *quiet],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_until_ready(self) -> "Worker":
        poll(lambda: " ready." in self.text, seconds=60, what=f"a worker (log: {self.log})")
        return self

    def pool_processes(self) -> list[int]:
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for path in tasks for pid in path.read_text().split()]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def send_to_all(self, number: signal.Signals) -> None:
        """To the main process and its pool, not to the engine, which has a group of its own."""
        os.killpg(self.process.pid, number)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def is_alive(pid: int) -> bool:
    """A zombie whose parent is slow to notice is dead as well."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def notes(path: Path) -> list[dict[str, Any]]:
    """What the handlers noted so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def seconds_of(action: Any) -> float:
    begun = time.monotonic()
    action()
    return time.monotonic() - begun
