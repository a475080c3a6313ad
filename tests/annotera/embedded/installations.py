"""Installations of their own for tests that start real servers: a fresh home, and the commands run on it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import redis

from annotera.embedded.home import PROJECT_ROOT, connection_urls
from annotera.embedded.locking import lock_holder
from tests.conftest import poll

# Variables that would tie an installation to the servers, the home or the settings of the test run.
FOREIGN = re.compile(r"^(DATABASE_URL|BROKER_URL|CACHE_URL|SECRET_KEY|PORT|PG[A-Z]+|ANNOTERA_.*)$")


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not FOREIGN.match(name)}
    return kept | {"ANNOTERA_HOME": str(home), "PYTHONUNBUFFERED": "1"} | more


def quick_folder() -> str:
    """Memory where there is plenty: a database's many files are slow to make and to delete on a disk."""
    memory = "/dev/shm"
    plenty = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4_000_000_000
    return memory if plenty else "/tmp"


@contextmanager
def fresh_home() -> Iterator[Path]:
    """Pytest's own temporary folders are closed to the account that the servers run as."""
    home = Path(tempfile.mkdtemp(prefix="annotera-test-", dir=quick_folder()))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def copy_of_home(original: Path) -> Iterator[Path]:
    """A stopped installation in another place, with its owners."""
    with fresh_home() as home:
        subprocess.run(["cp", "--archive", f"{original}/.", str(home)], check=True)
        yield home


def within(seconds: float) -> float:
    """The promised time, on a machine that others are using too."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def run_manage(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT_ROOT,
        env=clean_environment(home, **more),
        capture_output=True,
        text=True,
        timeout=360,
    )


def _heed_hang_ups() -> None:
    """Tests may themselves run under nohup, whose children ignore the signal."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Command:
    """A running `manage.py` command whose words are collected while it runs."""

    def __init__(self, home: Path, *arguments: str, **more: str) -> None:
        self.home = home
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT_ROOT,
            env=clean_environment(home, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=_heed_hang_ups,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def words(self) -> str:
        return "\n".join(self.lines)

    def says(self, pattern: str) -> re.Match[str] | None:
        return re.search(pattern, self.words)

    def wait_until_it_says(self, pattern: str, *, seconds: float = 60) -> re.Match[str]:
        def heard_or_over() -> bool:
            return bool(self.says(pattern)) or self.process.poll() is not None

        poll(heard_or_over, seconds=within(seconds), what=f"saying {pattern!r}")
        self._reader.join(timeout=0.2)
        found = self.says(pattern)
        assert found, f"ended with {self.process.poll()} and said: {self.words}"
        return found

    def end(self, number: signal.Signals = signal.SIGINT) -> float:
        """Send a stop signal and return the seconds until the command had ended."""
        started_at = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout=60)
        self._reader.join(timeout=5)
        return time.monotonic() - started_at

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=10)

    def clean_up(self) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGTERM)


class Up(Command):
    """A running `manage.py up` on a port of its own."""

    address = ""
    seconds_to_stop = 0.0

    def __init__(self, home: Path, **more: str) -> None:
        super().__init__(home, "up", **{"PORT": "0", **more})

    def wait_until_ready(self) -> None:
        self.address = self.wait_until_it_says(r"Annotera is ready at (http://127\.0\.0\.1:\d+)").group(1)

    def status(self, path: str = "/readyz") -> int:
        """The HTTP status, or 0 when nothing answers."""
        try:
            with urllib.request.urlopen(f"{self.address}{path}", timeout=within(15)) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def answer(self, path: str) -> int | str:
        """The HTTP status; "refused" when nobody listens, "lost" when a server took the request and died."""
        try:
            with urllib.request.urlopen(f"{self.address}{path}", timeout=within(15)) as answer:
                return answer.status
        except urllib.error.URLError as error:
            return "refused" if isinstance(error.reason, ConnectionRefusedError) else "lost"
        except OSError:
            return "lost"

    def is_whole(self) -> bool:
        return self.status() == 200


def connect(home: Path, **options: object) -> "psycopg.Connection[tuple[object, ...]]":
    urls = connection_urls(home).database
    return psycopg.connect(
        host=urls["HOST"],
        port=urls["PORT"],
        user=urls["USER"],
        password=urls["PASSWORD"],
        dbname=urls["NAME"],
        autocommit=True,
        **options,
    )


def can_query(home: Path) -> bool:
    try:
        with connect(home, connect_timeout=2) as connection:
            return connection.execute("select 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def cache(home: Path) -> redis.Redis:
    return redis.from_url(connection_urls(home).cache_url)


def can_ping(home: Path) -> bool:
    try:
        return bool(cache(home).ping())
    except redis.exceptions.ConnectionError:
        return False


def master_of_postgres(home: Path) -> int:
    return int((home / "postgres" / "postmaster.pid").read_text().split()[0])


def processes_of(home: Path) -> dict[int, str]:
    """Every living process that a supervisor of this home started, with its command line."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            place = os.readlink(entry / "cwd")
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        marked = f"ANNOTERA_SUPERVISED_HOME={home}\0".encode() in environment
        if marked or place.startswith(str(home)):
            found[int(entry.name)] = words
    return found


def process_named(home: Path, *words: str) -> int:
    """The oldest process of this home whose command line has all these words: a master, not its children."""
    found = [pid for pid, line in processes_of(home).items() if all(word in line for word in words)]
    return min(found, key=started_at)


def started_at(pid: int) -> int:
    """In clock ticks since boot: process ids wrap around, times do not."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def supervisor_of(home: Path) -> int:
    holder = lock_holder(home)
    assert holder is not None
    return holder[0]


@contextmanager
def servers_on(home: Path) -> Iterator[Command]:
    """PostgreSQL and Valkey of this home, for a while."""
    command = Command(home, "with-services", "sleep", "600")
    try:
        poll(lambda: (home / "lock").exists() and can_query(home), seconds=60, what=command.words)
        yield command
    finally:
        command.clean_up()
