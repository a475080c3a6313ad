"""Where an installation keeps its data, its secrets and its sockets.

Everything here can be computed without a running server, so the settings of every process agree on it.
"""

import os
import re
import secrets
import socket
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from annotera.embedded.refusals import Refused

PROJECT_ROOT = Path(__file__).resolve().parents[2]
DATABASE_NAME = "annotera"
DATABASE_USER = "annotera"
# The file name of PostgreSQL's socket; its port is only a suffix here, since nothing listens on TCP.
POSTGRES_PORT = 5432
# The kernel's limit for the path of a unix socket, without the closing NUL.
LONGEST_SOCKET_PATH = 107 if sys.platform == "linux" else 103
# What may lie there before the first secret does: a new file system's folder, or another process was quicker.
IN_A_NEW_HOME = {"lost+found", "run-directory", "secrets"}
NOT_RUNNING = "Annotera's services are not running: start them with make run."


@dataclass(frozen=True)
class Urls:
    """How Django, Celery and the cache reach the embedded servers."""

    database: dict[str, str]
    broker_url: str
    cache_url: str


def home_directory(environment: Mapping[str, str] | None = None) -> Path:
    """ANNOTERA_HOME, else /var/lib/annotera for root, else var/ beside the code."""
    chosen = (os.environ if environment is None else environment).get("ANNOTERA_HOME", "")
    if chosen:
        return Path(chosen).expanduser().absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/annotera")
    return PROJECT_ROOT / "var"


def secret(home: Path, name: str) -> str:
    """The random secret of that name, made on first use and readable by its owner only."""
    path = home / "secrets" / name
    try:
        _claim(home)
        if not path.exists():
            _write_once(path, secrets.token_urlsafe(36))
        return path.read_text(encoding="ascii")
    except PermissionError as error:
        raise Refused(
            f"{path} belongs to another account: run this command as the account that runs Annotera, "
            "or set ANNOTERA_HOME to a directory of your own."
        ) from error


def _claim(home: Path) -> None:
    """The first use makes a folder ours, with everything in it, so it must not hold anything else."""
    secrets_folder = home / "secrets"
    if secrets_folder.is_dir():
        return
    if home.exists() and not home.is_dir():
        raise Refused(f"{home} is not a directory: set ANNOTERA_HOME to a directory.")
    if home.exists() and {path.name for path in home.iterdir()} - IN_A_NEW_HOME:
        raise Refused(f"{home} has files that are not Annotera's: set ANNOTERA_HOME to an empty directory.")
    secrets_folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _write_once(path: Path, value: str) -> None:
    """Two processes may come here at once: a link either makes the whole file or finds the other's."""
    descriptor, draft = tempfile.mkstemp(prefix=".", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(value)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)


def socket_directory(home: Path) -> Path:
    """The 0700 directory of the sockets: `run` in the home, or a short one that the home records.

    A long home would break the kernel's limit on socket paths, and an odd one would have to be quoted
    differently in four configuration languages.
    """
    inside = home / "run"
    if _fits(inside):
        return inside
    record = home / "run-directory"
    if record.exists():
        recorded = Path(record.read_text(encoding="utf-8"))
        if _is_private(recorded, home=home):
            return recorded
    return _record_short_directory(home, record)


def _fits(directory: Path) -> bool:
    longest = f"{directory}/.s.PGSQL.{POSTGRES_PORT}"
    return len(os.fsencode(longest)) <= LONGEST_SOCKET_PATH and bool(
        re.fullmatch(r"[\w./+-]+", longest, re.ASCII)
    )


def _is_private(directory: Path, *, home: Path) -> bool:
    """Temporary directories are emptied at boot, and somebody else may then take the recorded name."""
    try:
        status = directory.lstat()
    except FileNotFoundError:
        return False
    owners = {os.geteuid(), home.stat().st_uid}
    return stat.S_ISDIR(status.st_mode) and status.st_uid in owners and not status.st_mode & 0o077


def _record_short_directory(home: Path, record: Path) -> Path:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    parent = tempfile.gettempdir()
    if not _fits(Path(parent) / "annotera-12345678"):
        parent = "/tmp"  # noqa: S108 - mkdtemp makes a fresh private directory in it
    directory = Path(tempfile.mkdtemp(prefix="annotera-", dir=parent))
    descriptor, draft = tempfile.mkstemp(prefix=".", dir=home)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(str(directory))
    os.replace(draft, record)
    return directory


def postgres_socket(home: Path) -> Path:
    return socket_directory(home) / f".s.PGSQL.{POSTGRES_PORT}"


def valkey_socket(home: Path) -> Path:
    return socket_directory(home) / "valkey.sock"


def connection_urls(home: Path) -> Urls:
    """Addresses and passwords of the embedded servers, whether they run or not."""
    password = secret(home, "valkey")
    broker = valkey_socket(home)
    return Urls(
        database={
            "ENGINE": "django.db.backends.postgresql",
            "NAME": DATABASE_NAME,
            "USER": DATABASE_USER,
            "PASSWORD": secret(home, "postgres"),
            "HOST": str(socket_directory(home)),
            "PORT": str(POSTGRES_PORT),
        },
        broker_url=f"redis+socket://:{password}@{broker}?virtual_host=0",
        cache_url=f"unix://:{password}@{broker}?db=1",
    )


def services_running(home: Path, environment: Mapping[str, str] | None = None) -> bool:
    """Whether every server that this installation runs by itself accepts connections."""
    given = os.environ if environment is None else environment
    wanted = []
    if not given.get("DATABASE_URL"):
        wanted.append(postgres_socket(home))
    if not given.get("BROKER_URL"):
        wanted.append(valkey_socket(home))
    return all(accepts_connections(path) for path in wanted)


def accepts_connections(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
