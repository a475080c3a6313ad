"""The database or a callback hangs: the engine is kept while the lease surely holds, then it is stopped."""

import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction

from jobs.models import Job
from jobs.registry import handler
from jobs.running import JobContext, run_next
from jobs.subprocesses import run_child
from tests.jobs import handlers
from tests.jobs.frozen_database import Freezer
from tests.jobs.processes import is_alive, notes


@pytest.fixture
def freezer(transactional_db: None) -> Iterator[Freezer]:
    directory = Path(tempfile.mkdtemp(prefix="pg-"))
    freezer = Freezer(directory)
    yield freezer
    freezer.close()
    shutil.rmtree(directory)


@pytest.fixture
def counting(committed_cast, launch, start_worker, freezer, wait_for, heard) -> Job:
    """An engine counts in a worker whose database can be frozen."""
    start_worker(DATABASE_URL=freezer.url)
    job = launch(committed_cast, "test-engine", queue="training", mode="steps", steps=100, pause=0.1)
    wait_for(lambda: len(notes(heard)) > 3, what="some steps")
    return job


@pytest.mark.processes
def test_an_engine_outlives_a_short_outage_and_ends_before_its_lease_in_a_long_one(
    counting, freezer, ends, heard, wait_for
):
    engine = notes(heard)[-1]["engine"]
    freezer.freeze()
    time.sleep(1.5)
    freezer.thaw()
    before = len(notes(heard))
    wait_for(lambda: len(notes(heard)) > before + 3, what="more steps")
    assert notes(heard)[-1]["engine"] == engine
    freezer.freeze()
    wait_for(lambda: not is_alive(engine), seconds=7, what="the engine's end")
    time.sleep(1)
    assert not Job.objects.get(pk=counting.pk).has_ended
    freezer.thaw()
    job = ends(counting)
    assert job.state == Job.State.SUCCEEDED
    steps = [line["step"] for line in notes(heard) if line["type"] == "metrics"]
    assert set(steps) == set(range(100))


@pytest.mark.processes
def test_a_restart_of_the_database_does_not_disturb_an_engine(
    committed_cast, start_worker, launch, ends, heard, wait_for
):
    start_worker()
    job = launch(committed_cast, "test-engine", queue="training", mode="steps", steps=40, pause=0.1)
    wait_for(lambda: len(notes(heard)) > 3, what="some steps")
    with connection.cursor() as cursor:
        # What the clients of a restarted server see: their connections are gone.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    ended = ends(job)
    assert (ended.state, ended.attempt) == (Job.State.SUCCEEDED, 1)
    assert len({line["engine"] for line in notes(heard) if "engine" in line}) == 1


@handler("test-callback", queue="training")
def count_with_a_callback_that_fails(context: JobContext) -> dict[str, object]:
    failures = {2: 2, 4: 1}
    seen: list[int] = []

    def on_line(message: dict[str, object]) -> None:
        step = int(str(message["step"]))
        if failures.get(step):
            failures[step] -= 1
            raise OperationalError("the connection is gone")
        seen.append(step)

    run = handlers.json.dumps({"mode": "steps", "steps": 6, "shared": str(context.shared)})
    run_child(context, [handlers.sys.executable, handlers.ENGINE, run], on_line=on_line, threads=1)
    return {"seen": seen}


def test_a_line_that_could_not_be_stored_is_handed_over_again(committed_cast, broker, launch):
    job = launch(committed_cast, "test-callback", queue="training")
    assert run_next(queue="training", owner="test")
    job.refresh_from_db()
    assert (job.state, job.result) == (Job.State.SUCCEEDED, {"seen": [0, 1, 2, 3, 4, 5]})


HANG = threading.Event()


@handler("test-hang", queue="training")
def hang(context: JobContext) -> None:
    def on_line(message: dict[str, object]) -> None:
        HANG.wait(30)

    run = handlers.json.dumps({"mode": "steps", "steps": 600, "shared": str(context.shared)})
    run_child(context, [handlers.sys.executable, handlers.ENGINE, run], on_line=on_line, threads=1)


def test_a_callback_that_never_returns_ends_its_process(
    committed_cast, broker, launch, settings, monkeypatch
):
    settings.JOB_LEASE_SECONDS, settings.JOB_KILL_AFTER_SECONDS = 2, 1
    monkeypatch.setattr("jobs.guarding.SECONDS_TO_RETURN", 0.5)
    HANG.clear()
    job = launch(committed_cast, "test-hang", queue="training")
    # In a worker this ends the process; here it only lets the callback go.
    assert run_next(queue="training", owner="test", on_hung=HANG.set)
    assert HANG.is_set()
    job.refresh_from_db()
    assert (job.state, job.attempt) == (Job.State.QUEUED, 1)
    assert job.reason == "A step of this job did not return."


def test_a_handler_may_hold_the_row_without_stopping_its_own_heart(committed_cast, broker, launch, settings):
    settings.JOB_LEASE_SECONDS = 4

    @handler("test-hold", queue="training")
    def hold(context: JobContext) -> None:
        with context.fenced():
            time.sleep(2)
        with context.fenced(), transaction.atomic():
            assert connection.in_atomic_block

    job = launch(committed_cast, "test-hold", queue="training")
    assert run_next(queue="training", owner="test")
    assert Job.objects.get(pk=job.pk).state == Job.State.SUCCEEDED
