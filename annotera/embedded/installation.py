"""Running one home: its servers for a while, or the whole of Annotera until it is told to stop."""

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from annotera.embedded.accounts import Account, prepare_home, python_account, service_account
from annotera.embedded.binaries import find_postgres, find_valkey, reachable_postgres, reachable_valkey
from annotera.embedded.children import Launch, die_with_parent, spawn_talking, supervised_processes
from annotera.embedded.home import PROJECT_ROOT, services_running
from annotera.embedded.locking import home_lock, lock_holder
from annotera.embedded.postgres import ensure_database, postgres_service, prepare_data
from annotera.embedded.programs import (
    ADDRESS,
    chosen_port,
    inference_service,
    listen,
    program_environment,
    web_service,
    worker_service,
)
from annotera.embedded.refusals import Refused
from annotera.embedded.services import Place, Service, end_processes
from annotera.embedded.supervisor import Stopped, Supervisor, last_line
from annotera.embedded.valkey import valkey_service

SMALLEST_FREE_SPACE = 300_000_000
Say = Callable[[str], None]
# A database that is thrown away afterwards need not survive a power cut.
THROWAWAY_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}


def demo_logins(home: Path) -> Path:
    return home / "demo-logins.txt"


def refuse_full_disk(home: Path, *, smallest: int = SMALLEST_FREE_SPACE) -> None:
    existing = next(path for path in (home, *home.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < smallest:
        raise Refused(
            f"The disk of {home} has only {free // 1_000_000} MB free and Annotera needs "
            f"{smallest // 1_000_000} MB: free some space, or set ANNOTERA_HOME to another disk."
        )


def start_servers(supervisor: Supervisor, place: Place, environment: Mapping[str, str]) -> None:
    """Start the servers that no variable replaces, wait until both answer, and make the database."""
    services: list[Service] = []
    if not environment.get("BROKER_URL"):
        program = reachable_valkey(find_valkey(), home=place.home, account=place.account)
        services.append(valkey_service(place, program))
    if environment.get("DATABASE_URL"):
        supervisor.start(services)
        return
    found = find_postgres(environment)
    binaries = reachable_postgres(found, home=place.home, account=place.account)
    prepare_data(place, binaries)
    supervisor.start([*services, postgres_service(place, binaries)])
    ensure_database(place, binaries)


@contextmanager
def servers(*, home: Path, environment: Mapping[str, str], purpose: str, say: Say) -> Iterator[Supervisor]:
    """The servers of this home for a while: those that run already, else our own, stopped afterwards."""
    with servers_with_options(
        home=home, environment=environment, purpose=purpose, say=say, options={}
    ) as supervisor:
        yield supervisor


@contextmanager
def throwaway_servers(
    *, environment: Mapping[str, str], purpose: str, say: Say
) -> Iterator[tuple[Supervisor, Path]]:
    """Fast servers in a temporary home that is deleted afterwards."""
    home = Path(tempfile.mkdtemp(prefix="annotera-"))
    try:
        with servers_with_options(
            home=home, environment=environment, purpose=purpose, say=say, options=THROWAWAY_OPTIONS
        ) as supervisor:
            yield supervisor, home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def servers_with_options(
    *, home: Path, environment: Mapping[str, str], purpose: str, say: Say, options: Mapping[str, str]
) -> Iterator[Supervisor]:
    with Supervisor(say=say, adopt=False) as supervisor:
        all_foreign = environment.get("DATABASE_URL") and environment.get("BROKER_URL")
        if all_foreign or (lock_holder(home) is not None and services_running(home, environment)):
            yield supervisor
            return
        refuse_full_disk(home)
        account = service_account()
        prepare_home(home, account)
        with home_lock(home, purpose=purpose):
            try:
                start_servers(supervisor, Place(home, account, options), environment)
                yield supervisor
            finally:
                # The lock must not be free while a server of ours still runs.
                supervisor.shut_down()


def run_command(supervisor: Supervisor, command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a person's command in the foreground beside the servers; its exit code is a shell's."""

    def start() -> subprocess.Popen[bytes]:
        end_with_us = die_with_parent(signal.SIGTERM)
        return subprocess.Popen(list(command), env=dict(environment), preexec_fn=end_with_us)

    try:
        code = supervisor.run_step(start)
    except (FileNotFoundError, PermissionError) as error:
        raise Refused(f"{command[0]} was not found: name a program on the PATH.") from error
    return code if code >= 0 else 128 - code


def run_everything(*, home: Path, environment: Mapping[str, str], say: Say) -> None:
    """What `manage.py up` does: start all, prepare the database, stay until a stop signal, stop all."""
    refuse_full_disk(home)
    port = chosen_port(environment)
    account = service_account()
    prepare_home(home, account)
    with (
        home_lock(home, purpose="up"),
        listen(port) as listener,
        Supervisor(say=say, adopt=True) as supervisor,
    ):
        end_processes(partial(supervised_processes, home), signals=((signal.SIGTERM, 3), (signal.SIGKILL, 3)))
        try:
            start_servers(supervisor, Place(home, account), environment)
            start_programs(
                supervisor, home=home, account=account, environment=environment, listener=listener, say=say
            )
            supervisor.run()
        except Stopped:
            pass
        say("Annotera is stopping.")


def start_programs(
    supervisor: Supervisor,
    *,
    home: Path,
    account: Account | None,
    environment: Mapping[str, str],
    listener: socket.socket,
    say: Say,
) -> None:
    """Bring the database up to this code, then start web and workers and say where they are."""
    reachable = python_account(account, home)
    if account is not None and reachable is None:
        say(f"Web and workers run as root, because the account {account.name} cannot reach {sys.executable}.")
    given = program_environment(home, reachable, environment)
    logins_are_new = not demo_logins(home).exists()
    with_demo = ["--demo-logins", str(demo_logins(home))]
    prepare_database(supervisor, home=home, account=reachable, environment=given, options=with_demo)
    supervisor.start(
        [
            web_service(listener=listener, home=home, account=reachable, environment=given),
            worker_service(queue="light", concurrency=2, home=home, account=reachable, environment=given),
            worker_service(queue="training", concurrency=1, home=home, account=reachable, environment=given),
        ]
    )
    say(f"Annotera is ready at http://{ADDRESS}:{listener.getsockname()[1]}")
    # After the words above: pages do not need it, and it would take processor time from their start.
    supervisor.start([inference_service(home=home, account=reachable, environment=given)])
    if logins_are_new and demo_logins(home).exists():
        say(demo_logins(home).read_text(encoding="utf-8").rstrip())
        say(f"These logins are kept in {demo_logins(home)}.")


def prepare_database(
    supervisor: Supervisor,
    *,
    home: Path,
    account: Account | None,
    environment: Mapping[str, str],
    options: Sequence[str],
) -> None:
    """Run `manage.py prepare` as a child: Django's connections have no place in the supervisor."""
    launch = Launch(
        argv=[sys.executable, "manage.py", "prepare", *options],
        log=home / "log" / "prepare.log",
        environment=environment,
        cwd=PROJECT_ROOT,
        account=account,
    )
    if supervisor.run_step(partial(spawn_talking, launch)) == 0:
        return
    reason = last_line(launch.log.read_bytes())
    if reason.startswith("CommandError: "):
        raise Refused(reason.removeprefix("CommandError: "))
    raise Refused(f"Preparing the database failed ({reason}): read {launch.log}.")
