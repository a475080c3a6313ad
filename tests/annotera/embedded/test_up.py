"""`manage.py up` as a person meets it: one command, and it keeps answering whatever dies."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from annotera.embedded.children import ON_LINUX
from annotera.embedded.installation import refuse_full_disk
from annotera.embedded.refusals import Refused
from tests.annotera.embedded.installations import (
    Up,
    can_ping,
    connect,
    copy_of_home,
    fresh_home,
    master_of_postgres,
    process_named,
    processes_of,
    run_manage,
    servers_on,
    supervisor_of,
    within,
)
from tests.conftest import poll

pytestmark = [pytest.mark.processes, pytest.mark.skipif(not ON_LINUX, reason="finds processes in /proc")]
LONGEST_RECOVERY = 15


@pytest.fixture(scope="module")
def first_start() -> Iterator[Up]:
    """An installation that was started for the first time, with the demo, and stopped by Ctrl-C."""
    with fresh_home() as home:
        up = Up(home)
        try:
            up.wait_until_ready()
            up.seconds_to_stop = up.end(signal.SIGINT)
            yield up
        finally:
            up.clean_up()


@pytest.fixture
def furnished(first_start: Up) -> Iterator[Path]:
    """A copy of it, to start again."""
    with copy_of_home(first_start.home) as home:
        yield home


@pytest.fixture(scope="module")
def running(first_start: Up) -> Iterator[Up]:
    """One installation for all tests that leave it running."""
    with copy_of_home(first_start.home) as home:
        up = Up(home)
        try:
            up.wait_until_ready()
            yield up
        finally:
            up.clean_up()


def test_it_says_where_it_is_and_every_part_is_ready(running: Up) -> None:
    assert running.status("/healthz") == 200
    poll(running.is_whole, seconds=LONGEST_RECOVERY, what="/readyz")


def test_it_starts_a_worker_for_each_queue(running: Up) -> None:
    for queue in ("light", "training"):
        process_named(running.home, "celery", f"--queues {queue}")


def test_it_keeps_deployed_models_without_a_training_library_of_its_own(running: Up) -> None:
    def lock_is_held() -> bool:
        return (running.home / "work" / "inference.lock").exists()

    poll(lock_is_held, seconds=LONGEST_RECOVERY, what="the inference process")
    maps = Path(f"/proc/{process_named(running.home, 'manage.py inference')}/maps").read_text()
    assert "libtorch" not in maps


def test_it_tells_the_demo_logins_once_and_keeps_them_private(first_start: Up, running: Up) -> None:
    logins = first_start.home / "demo-logins.txt"
    assert logins.stat().st_mode & 0o777 == 0o600
    assert logins.read_text().rstrip() in first_start.words
    assert "Demo logins" not in running.words


def test_a_second_up_on_the_same_home_refuses_in_one_sentence(running: Up) -> None:
    finished = run_manage(running.home, "up", PORT="0")
    assert finished.returncode == 1
    sentence = (
        f"Annotera already runs on {running.home} (process {running.process.pid}): stop it with make stop"
    )
    assert finished.stderr.strip().startswith(f"CommandError: {sentence}")
    assert len(finished.stderr.strip().splitlines()) == 1


def kill_postgres(home: Path) -> None:
    os.kill(master_of_postgres(home), signal.SIGKILL)


def kill_valkey(home: Path) -> None:
    os.kill(process_named(home, "valkey-server"), signal.SIGKILL)


def kill_web(home: Path) -> None:
    os.kill(process_named(home, "gunicorn"), signal.SIGKILL)


def kill_light_worker(home: Path) -> None:
    os.kill(process_named(home, "celery", "--queues light"), signal.SIGKILL)


def kill_training_worker(home: Path) -> None:
    os.kill(process_named(home, "celery", "--queues training"), signal.SIGKILL)


def kill_inference(home: Path) -> None:
    os.kill(process_named(home, "manage.py inference"), signal.SIGKILL)


@pytest.mark.parametrize(
    ("kill", "name"),
    [
        (kill_inference, "inference"),
        (kill_postgres, "postgres"),
        (kill_valkey, "valkey"),
        (kill_web, "web"),
        (kill_light_worker, "worker-light"),
        (kill_training_worker, "worker-training"),
    ],
)
def test_requests_succeed_soon_after_any_process_is_killed(
    running: Up, kill: Callable[[Path], None], name: str
) -> None:
    with connect(running.home) as connection:
        connection.execute("create table if not exists kept (name text)")
        connection.execute("insert into kept values (%s)", [name])
    kill(running.home)
    running.wait_until_it_says(f"{name} was ended by SIGKILL; starting it again", seconds=5)
    poll(running.is_whole, seconds=LONGEST_RECOVERY, what=f"/readyz after the death of {name}")
    assert can_ping(running.home)
    with connect(running.home) as connection:
        assert connection.execute("select 1 from kept where name = %s", [name]).fetchone() == (1,)


def test_requests_wait_instead_of_failing_while_the_web_server_is_replaced(running: Up) -> None:
    kill_web(running.home)
    answers = [running.answer("/healthz") for _ in range(7)]
    assert "refused" not in answers
    # A process that outlives its killed parent for a moment may take one request along, and there are two.
    assert answers.count(200) >= 5 and answers[-1] == 200, answers


def test_the_inference_process_outlives_the_database(running: Up) -> None:
    """Its engines must not be loaded anew for a restart that takes the database a second."""
    before = process_named(running.home, "manage.py inference")
    kill_postgres(running.home)
    poll(running.is_whole, seconds=LONGEST_RECOVERY, what="/readyz after the death of postgres")
    log = running.home / "log" / "inference.log"
    poll(lambda: "The database does not answer" in log.read_text(), what="a line in the log")
    assert process_named(running.home, "manage.py inference") == before


def test_a_killed_worker_leaves_no_orphan_behind(running: Up) -> None:
    before = set(processes_of(running.home))
    kill_light_worker(running.home)

    def replaced() -> bool:
        now = processes_of(running.home)
        masters = [pid for pid, line in now.items() if "celery" in line and "--queues light" in line]
        # The new master and its two children; none of the old three.
        return len(masters) == 3 and not set(masters) & before

    poll(replaced, seconds=LONGEST_RECOVERY, what="a fresh set of worker processes")


def test_ctrl_c_stops_everything_within_ten_seconds(first_start: Up) -> None:
    assert first_start.seconds_to_stop < within(10)
    assert first_start.process.returncode == 0
    assert not processes_of(first_start.home)
    assert not list((first_start.home / "run").iterdir())


def test_a_second_start_is_quick_and_make_stop_ends_it(furnished: Path) -> None:
    started_at = time.monotonic()
    up = Up(furnished)
    try:
        up.wait_until_ready()
        assert time.monotonic() - started_at < within(10)
        assert not up.says("Applying|Collected|Loading")
        assert run_manage(furnished, "stop").stdout.strip() == "Annotera has stopped."
        assert up.process.wait(timeout=within(5)) == 0
    finally:
        up.clean_up()
    assert run_manage(furnished, "stop").stdout.strip() == "Annotera does not run."


def test_after_kill_9_of_up_the_next_one_ends_the_leftovers_and_starts(furnished: Path) -> None:
    first = Up(furnished)
    first.wait_until_ready()
    with connect(furnished) as connection:
        connection.execute("create table kept as select 7 as n")
    old = set(processes_of(furnished))
    assert supervisor_of(furnished) == first.process.pid
    first.kill()
    second = Up(furnished)
    try:
        second.wait_until_ready()
        assert not old & set(processes_of(furnished))
        with connect(furnished) as connection:
            assert connection.execute("select n from kept").fetchone() == (7,)
        assert second.end(signal.SIGHUP) < within(10)
    finally:
        second.clean_up()


def test_a_stop_signal_during_the_start_is_obeyed_at_once() -> None:
    with fresh_home() as home:
        up = Up(home)
        poll(lambda: (home / "lock").exists(), seconds=20)
        assert up.end(signal.SIGTERM) < within(10)
        assert not processes_of(home)


def test_a_port_in_use_is_named_with_the_remedy(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        finished = run_manage(home, "up", PORT=str(port))
    assert finished.returncode == 1
    expected = (
        f"Port {port} is in use: stop what listens there, or choose another, for example PORT={port + 1}."
    )
    assert finished.stderr.strip() == f"CommandError: {expected}"


def test_a_port_that_is_no_number_is_refused(home: Path) -> None:
    finished = run_manage(home, "up", PORT="web")
    assert finished.returncode == 1
    assert "PORT=web is not a port number" in finished.stderr


def test_a_full_disk_is_named_with_the_remedy(home: Path) -> None:
    with pytest.raises(
        Refused, match=r"The disk of .* has only \d+ MB free and Annotera needs 10+ MB: free some space"
    ):
        refuse_full_disk(home / "not" / "yet", smallest=10**18)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the servers as somebody else")
def test_a_home_that_the_account_cannot_enter_is_refused(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    finished = run_manage(closed / "home", "up", PORT="0")
    assert finished.returncode == 1
    assert "cannot enter" in finished.stderr
    assert "set ANNOTERA_HOME to a directory outside" in finished.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a home to somebody else")
def test_root_does_not_take_over_the_home_of_an_ordinary_person(home: Path) -> None:
    (home / "secrets").mkdir()
    os.chown(home, 12345, 12345)
    finished = run_manage(home, "up", PORT="0")
    assert finished.returncode == 1
    assert f"{home} belongs to another account: run this as that account" in finished.stderr
    assert home.stat().st_uid == 12345


def test_a_database_of_a_newer_version_is_refused(home: Path) -> None:
    with servers_on(home):
        assert run_manage(home, "migrate", "--verbosity", "0").returncode == 0
        with connect(home) as connection:
            connection.execute(
                "insert into django_migrations (app, name, applied) values ('accounts', '9999_future', now())"
            )
    up = run_manage(home, "up", PORT="0")
    assert up.returncode == 1
    assert "was made by a newer Annotera (migration accounts.9999_future is unknown here)" in up.stderr


def test_an_existing_database_is_backed_up_before_it_is_migrated(home: Path) -> None:
    with servers_on(home):
        assert run_manage(home, "migrate", "contenttypes", "--verbosity", "0").returncode == 0
        prepared = run_manage(home, "prepare")
    assert prepared.returncode == 0, prepared.stderr
    backups = list((home / "backups").glob("before-migration-*.tar"))
    assert len(backups) == 1
    assert f"The backup is {backups[0]}." in prepared.stdout
    assert backups[0].stat().st_mode & 0o777 == 0o600


def test_other_commands_say_how_to_start_the_services(home: Path) -> None:
    finished = run_manage(home, "migrate")
    assert finished.returncode == 1
    assert finished.stderr.strip() == "Annotera's services are not running: start them with make run."
