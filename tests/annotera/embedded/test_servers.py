"""The embedded PostgreSQL and Valkey under `with-services`: they start, come back, keep data, and go."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from annotera.embedded.children import ON_LINUX, processes_in
from annotera.embedded.home import services_running
from tests.annotera.embedded.installations import (
    Command,
    cache,
    can_ping,
    can_query,
    connect,
    fresh_home,
    master_of_postgres,
    process_named,
    processes_of,
    run_manage,
    servers_on,
    within,
)
from tests.conftest import poll

pytestmark = [pytest.mark.processes, pytest.mark.skipif(not ON_LINUX, reason="finds processes in /proc")]


@pytest.fixture(scope="module")
def servers() -> Iterator[Command]:
    """One pair of servers for the tests that leave it as they found it."""
    with fresh_home() as home, servers_on(home) as command:
        yield command


def test_the_database_has_the_builtin_locale_and_checksums(servers: Command) -> None:
    with connect(servers.home) as connection:
        row = connection.execute(
            "select datlocprovider, datlocale, pg_encoding_to_char(encoding),"
            " current_setting('data_checksums'), current_setting('listen_addresses')"
            " from pg_database where datname = current_database()"
        ).fetchone()
    assert row == ("b", "C.UTF-8", "UTF8", "on", "")


def test_a_wrong_password_is_refused(servers: Command) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=str(servers.home / "run"), user="annotera", password="wrong", dbname="annotera")


def test_everything_private_is_closed_to_others(servers: Command) -> None:
    home = servers.home
    for folder in (home, home / "secrets", home / "run", home / "log", home / "postgres", home / "valkey"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    for file in (*(home / "secrets").iterdir(), home / "valkey.conf"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to give up")
def test_root_gives_the_servers_to_an_account_of_their_own(servers: Command) -> None:
    masters = {master_of_postgres(servers.home), process_named(servers.home, "valkey-server")}
    owners = {os.stat(f"/proc/{pid}").st_uid for pid in masters}
    assert owners == {servers.home.stat().st_uid}
    assert 0 not in owners


def test_a_password_is_never_on_a_command_line(servers: Command) -> None:
    lines = " ".join(processes_of(servers.home).values())
    for name in ("postgres", "valkey"):
        assert (servers.home / "secrets" / name).read_text() not in lines


def test_a_second_command_uses_the_servers_that_run_and_leaves_them(servers: Command) -> None:
    before = master_of_postgres(servers.home)
    finished = run_manage(servers.home, "with-services", "sh", "-c", "exit 7")
    assert finished.returncode == 7
    assert master_of_postgres(servers.home) == before
    assert can_query(servers.home)


def test_up_refuses_a_home_that_another_command_holds(servers: Command) -> None:
    finished = run_manage(servers.home, "up", PORT="0")
    assert finished.returncode == 1
    assert "`manage.py with-services` (process" in finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1


def test_postgres_comes_back_after_kill_9_with_every_committed_row(servers: Command) -> None:
    with connect(servers.home) as connection:
        connection.execute("drop table if exists kept")
        connection.execute("create table kept (n int)")
        for number in range(200):
            connection.execute("insert into kept values (%s)", [number])
        os.kill(master_of_postgres(servers.home), signal.SIGKILL)
    poll(lambda: can_query(servers.home), seconds=15)
    with connect(servers.home) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (200,)
    assert servers.says(r"postgres was ended by SIGKILL; starting it again")


def test_a_backend_that_computes_on_without_its_master_does_not_keep_postgres_down(servers: Command) -> None:
    connection = connect(servers.home)
    backend = connection.info.backend_pid
    connection.pgconn.send_query(b"select count(*) from generate_series(1, 10000000000)")
    poll(lambda: "R" in Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2], seconds=5)
    os.kill(master_of_postgres(servers.home), signal.SIGKILL)
    poll(lambda: can_query(servers.home), seconds=15)
    assert backend not in processes_in(servers.home / "postgres", program="postgres")


def test_the_sweep_spares_a_person_who_stands_in_the_data_directory(servers: Command) -> None:
    with subprocess.Popen(["sleep", "60"], cwd=servers.home / "postgres") as person:
        os.kill(master_of_postgres(servers.home), signal.SIGKILL)
        poll(lambda: can_query(servers.home), seconds=15)
        assert person.poll() is None
        person.kill()


def test_valkey_comes_back_after_kill_9_with_every_key(servers: Command) -> None:
    client = cache(servers.home)
    for number in range(200):
        client.set(f"key-{number}", number)
    os.kill(process_named(servers.home, "valkey-server"), signal.SIGKILL)
    poll(lambda: can_ping(servers.home), seconds=15)
    assert len(cache(servers.home).keys("key-*")) == 200


def test_a_new_command_ends_the_leftovers_of_a_killed_one(home: Path) -> None:
    first = Command(home, "with-services", "sleep", "600")
    poll(lambda: can_query(home), seconds=60)
    connection = connect(home)
    connection.execute("create table kept as select 1 as n")
    backend = connection.info.backend_pid
    connection.pgconn.send_query(b"select count(*) from generate_series(1, 10000000000)")
    master = master_of_postgres(home)
    # The worst case: the supervisor and the master die together, and a busy backend outlives both.
    os.kill(first.process.pid, signal.SIGKILL)
    os.kill(master, signal.SIGKILL)
    first.process.wait()
    second = run_manage(home, "with-services", sys.executable, "manage.py", "stop")
    assert second.returncode == 1, second.stdout
    assert "uses" in second.stderr
    assert not processes_in(home / "postgres", program="postgres")
    assert not Path(f"/proc/{backend}").exists() or backend not in processes_of(home)


def test_servers_end_with_the_command_and_its_exit_code_is_kept(home: Path) -> None:
    finished = run_manage(home, "with-services", "sh", "-c", "kill -9 $$")
    assert finished.returncode == 137
    assert not services_running(home, {})
    assert not processes_of(home)
    assert not list((home / "run").iterdir())


def test_ctrl_c_ends_command_and_servers(home: Path) -> None:
    command = Command(home, "with-services", "sleep", "600")
    poll(lambda: can_query(home), seconds=60)
    assert command.end(signal.SIGTERM) < within(10)
    assert command.process.returncode == 130
    assert not processes_of(home)


def test_a_throwaway_installation_is_deleted(home: Path) -> None:
    finished = run_manage(home, "with-services", "--throwaway", "sh", "-c", "echo $ANNOTERA_HOME")
    assert finished.returncode == 0, finished.stderr
    used = Path(finished.stdout.strip())
    assert used != home
    assert not used.exists()


def test_a_command_that_does_not_exist_is_named(home: Path) -> None:
    finished = run_manage(home, "with-services", "no-such-program")
    assert finished.returncode == 1
    assert "no-such-program was not found" in finished.stderr


def test_servers_start_in_a_home_with_a_very_long_name(home: Path) -> None:
    long = home / ("d" * 120)
    if os.geteuid() == 0:
        home.chmod(0o755)
    finished = run_manage(
        long, "with-services", "sh", "-c", 'test -S "$(cat "$ANNOTERA_HOME/run-directory")/valkey.sock"'
    )
    assert finished.returncode == 0, finished.stderr
    Path((long / "run-directory").read_text()).rmdir()


def test_a_server_that_cannot_start_is_told_with_the_reason_from_its_log(home: Path) -> None:
    assert run_manage(home, "with-services", "true").returncode == 0
    (home / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")
    started_at = time.monotonic()
    finished = run_manage(home, "with-services", "true")
    assert finished.returncode == 1
    assert "postgres does not start; the end of" in finished.stderr.splitlines()[-1]
    assert time.monotonic() - started_at < within(20)


def test_data_of_another_major_version_is_refused(home: Path) -> None:
    (home / "secrets").mkdir()
    (home / "postgres").mkdir()
    (home / "postgres" / "PG_VERSION").write_text("16\n")
    finished = run_manage(home, "with-services", "true")
    assert finished.returncode == 1
    assert "was made by PostgreSQL 16, but these binaries are version" in finished.stderr


def test_a_folder_with_foreign_files_is_never_taken_as_a_home(home: Path) -> None:
    (home / "thesis.txt").write_text("mine")
    finished = run_manage(home, "up")
    assert finished.returncode == 1
    assert finished.stderr.strip() == (
        f"{home} has files that are not Annotera's: set ANNOTERA_HOME to an empty directory."
    )
    assert [path.name for path in home.iterdir()] == ["thesis.txt"]
