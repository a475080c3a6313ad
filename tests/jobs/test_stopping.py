"""Cancelling and stopping work that runs in a real worker."""

import os
import signal

import pytest

from accounts.models import AuditEvent
from jobs.launching import cancel
from jobs.models import Job
from tests.jobs.processes import is_alive, notes, seconds_of

pytestmark = pytest.mark.processes
LONG = {"steps": 2000, "pause": 0.05}


@pytest.fixture
def running(committed_cast, launch, wait_for, heard):
    """Queue an engine job and wait until its child has said something."""

    def run(mode: str = "steps", **payload: object) -> tuple[Job, int]:
        job = launch(committed_cast, "test-engine", queue="training", mode=mode, **{**LONG, **payload})
        wait_for(lambda: notes(heard), what="the engine's first line")
        return job, notes(heard)[-1]["engine"]

    return run


def test_cancel_stops_an_engine_after_its_checkpoint(committed_cast, worker, running, ends, heard):
    job, engine = running()
    cancel(job=job, by=committed_cast.alice)
    assert ends(job, seconds=10).state == Job.State.CANCELLED
    assert notes(heard)[-1].get("stopped") is True
    assert not is_alive(engine)
    assert AuditEvent.objects.filter(kind=AuditEvent.Kind.JOB_ENDED, object_uid=job.uid).count() == 1


def test_cancel_kills_an_engine_that_does_not_listen(committed_cast, worker, running, ends):
    job, engine = running("stubborn")
    cancel(job=job, by=committed_cast.alice)
    assert ends(job, seconds=15).state == Job.State.CANCELLED
    assert not is_alive(engine)


def test_cancel_stops_work_in_python(committed_cast, worker, launch, ends, wait_for, heard, tmp_path):
    job = launch(committed_cast, "test-wait", gate=str(tmp_path / "never"))
    wait_for(lambda: notes(heard))
    cancel(job=job, by=committed_cast.alice)
    assert ends(job, seconds=10).state == Job.State.CANCELLED


def test_an_engine_ends_soon_after_its_parent_was_killed(worker, running, wait_for):
    _, engine = running("silent", max_attempts=1)
    for pid in worker.pool_processes():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(engine), seconds=5, what="the engine's end")


def test_a_stopping_worker_queues_its_job_again_and_the_next_one_resumes(
    start_worker, running, ends, wait_for, heard
):
    worker = start_worker()
    job, engine = running(steps=30, pause=0.1)
    worker.send(signal.SIGTERM)
    assert seconds_of(lambda: worker.process.wait(timeout=10)) < 8
    job.refresh_from_db()
    assert (job.state, job.attempt) == (Job.State.QUEUED, 0)
    assert not is_alive(engine)
    start_worker()
    ended = ends(job, seconds=30)
    assert (ended.state, ended.attempt) == (Job.State.SUCCEEDED, 1)
    steps = [line["step"] for line in notes(heard) if line["type"] == "metrics"]
    assert steps == list(range(30))


def test_a_stopping_worker_kills_an_engine_that_does_not_listen(start_worker, running):
    worker = start_worker()
    job, engine = running("stubborn")
    worker.send(signal.SIGTERM)
    assert seconds_of(lambda: worker.process.wait(timeout=15)) < 10
    job.refresh_from_db()
    assert (job.state, job.attempt) == (Job.State.QUEUED, 0)
    assert not is_alive(engine)


def test_a_stopping_worker_gives_work_in_python_back(
    committed_cast, start_worker, launch, wait_for, heard, tmp_path
):
    worker = start_worker()
    job = launch(committed_cast, "test-wait", gate=str(tmp_path / "never"))
    wait_for(lambda: notes(heard))
    worker.send(signal.SIGTERM)
    worker.process.wait(timeout=10)
    job.refresh_from_db()
    assert (job.state, job.attempt) == (Job.State.QUEUED, 0)
