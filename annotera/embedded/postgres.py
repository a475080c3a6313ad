"""The embedded PostgreSQL: making its data directory, starting it, and clearing up after a crash."""

import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

from annotera.embedded.binaries import PostgresBinaries
from annotera.embedded.children import ON_LINUX, Launch, drop_to, processes_in
from annotera.embedded.home import DATABASE_NAME, DATABASE_USER, POSTGRES_PORT, secret, socket_directory
from annotera.embedded.refusals import Refused
from annotera.embedded.services import Place, Service, end_processes, server_environment

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


def data_directory(home: Path) -> Path:
    return home / "postgres"


def prepare_data(place: Place, binaries: PostgresBinaries) -> None:
    """Make the data directory on first use; refuse one that another major version made."""
    data = data_directory(place.home)
    if not data.exists():
        _initialise(place, binaries, data)
        return
    made_by = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    if made_by != str(binaries.major):
        raise Refused(
            f"The database in {data} was made by PostgreSQL {made_by}, but these binaries are version "
            f"{binaries.major}: set ANNOTERA_PG_BIN to a PostgreSQL {made_by}, "
            "or restore a backup into a new home."
        )


def _initialise(place: Place, binaries: PostgresBinaries, data: Path) -> None:
    """An interrupted attempt stays under its draft name and is thrown away by the next one."""
    draft = data.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    secret(place.home, "postgres")
    password_file = place.home / "secrets" / "postgres"
    if place.account is not None:
        shutil.chown(password_file, place.account.uid, place.account.gid)
    command = [
        *(binaries.program("initdb"), "-D", str(draft), "-U", DATABASE_USER, "--pwfile", str(password_file)),
        *("--auth-local=scram-sha-256", "--auth-host=reject", "--encoding=UTF8", "--locale=C"),
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums", "--no-instructions"),
    ]
    if place.options.get("fsync") == "off":
        command.append("--no-sync")
    finished = subprocess.run(
        command,
        cwd=place.home,
        check=False,
        env=server_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        **drop_to(place.account),
    )
    if finished.returncode != 0:
        raise Refused(_initialisation_failure(place, finished.stderr))
    draft.rename(data)


def _initialisation_failure(place: Place, output: str) -> str:
    if "No space left on device" in output:
        return f"The disk of {place.home} is full: free some space, or set ANNOTERA_HOME to another disk."
    reasons = [line for line in output.splitlines() if "error" in line.lower() or "fatal" in line.lower()]
    return (
        f"The database could not be made in {place.home}: {(reasons or ['initdb gave no reason'])[0].strip()}"
    )


def postgres_service(place: Place, binaries: PostgresBinaries) -> Service:
    data = data_directory(place.home)
    sockets = socket_directory(place.home)
    settings: dict[str, str] = SETTINGS | {"unix_socket_directories": str(sockets)} | dict(place.options)
    if ON_LINUX:
        # Crash recovery would otherwise open every file of the data directory: seconds instead of a moment.
        settings.setdefault("recovery_init_sync_method", "syncfs")
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Service(
        name="postgres",
        launch=Launch(
            argv=[binaries.program("postgres"), "-D", str(data), *options],
            log=place.log("postgres"),
            environment=server_environment(),
            cwd=data,
            account=place.account,
            death_signal=signal.SIGINT,
        ),
        is_ready=partial(can_log_in, place, binaries),
        clear=partial(clear_leftovers, data, sockets),
        stop_signal=signal.SIGINT,
        outlives_others=True,
    )


def clear_leftovers(data: Path, sockets: Path) -> None:
    """End what a dead predecessor left in the data directory, then its marks.

    A backend that is computing survives its master and keeps the shared memory, with which no new master
    starts. And a dead master may stay a zombie that nobody reaps: its pid answers, so PostgreSQL believes
    its lock file. Both are cured here, and only here, because the caller holds the home's own lock.
    """
    if not ON_LINUX:
        return
    _stop_live_master(data)
    end_processes(partial(processes_of, data), signals=((signal.SIGQUIT, 2), (signal.SIGKILL, 5)))
    for mark in (data / "postmaster.pid", sockets / _socket_name(), sockets / f"{_socket_name()}.lock"):
        mark.unlink(missing_ok=True)


def _socket_name() -> str:
    return f".s.PGSQL.{POSTGRES_PORT}"


def _stop_live_master(data: Path) -> None:
    """A whole server that outlived its supervisor deserves a clean shutdown."""
    try:
        master = int((data / "postmaster.pid").read_text(encoding="ascii").split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    end_processes(partial(_only, master, data), signals=((signal.SIGINT, 5), (signal.SIGQUIT, 2)))


def processes_of(data: Path) -> set[int]:
    """The master and every backend and helper, each a child or an orphan of it."""
    return processes_in(data, program="postgres")


def _only(pid: int, data: Path) -> set[int]:
    return processes_of(data) & {pid}


def can_log_in(place: Place, binaries: PostgresBinaries) -> bool:
    """A real login: the socket exists long before recovery is over."""
    try:
        return _psql(place, binaries, "postgres", "select 1").returncode == 0
    except subprocess.TimeoutExpired:
        return False


def ensure_database(place: Place, binaries: PostgresBinaries) -> None:
    query = f"select 1 from pg_database where datname = '{DATABASE_NAME}'"  # noqa: S608 - a constant
    found = _psql(place, binaries, "postgres", query)
    if found.stdout.strip() == "1":
        return
    made = _psql(place, binaries, "postgres", f"create database {DATABASE_NAME}")
    if made.returncode != 0:
        raise Refused(f"The database could not be made: {made.stderr.strip()}")


def _psql(
    place: Place, binaries: PostgresBinaries, database: str, query: str
) -> subprocess.CompletedProcess[str]:
    access = {
        "PGHOST": str(socket_directory(place.home)),
        "PGPORT": str(POSTGRES_PORT),
        "PGUSER": DATABASE_USER,
        "PGPASSWORD": secret(place.home, "postgres"),
        "PGDATABASE": database,
        "PGCONNECT_TIMEOUT": "2",
    }
    return subprocess.run(
        [binaries.program("psql"), "--no-psqlrc", "-Atc", query],
        cwd="/",
        check=False,
        env=server_environment() | access,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=10,
    )
