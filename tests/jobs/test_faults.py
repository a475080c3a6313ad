"""What breaks in practice: killed workers and engines, a lost or restarted broker, poison, zombies."""

import os
import signal

import pytest
from celery import current_app

from jobs.doorbells import DOORBELL
from jobs.models import Job
from tests.jobs.processes import is_alive, notes

pytestmark = pytest.mark.processes


@pytest.fixture
def counting(committed_cast, launch, wait_for, heard):
    """An engine job that counts to 40 and is under way."""
    job = launch(committed_cast, "test-engine", queue="training", mode="steps", steps=40, pause=0.05)

    def begun() -> Job:
        wait_for(lambda: len(notes(heard)) > 5, what="some steps")
        return job

    return begun


def steps(heard) -> list[int]:
    return [line["step"] for line in notes(heard) if line["type"] == "metrics"]


def test_a_killed_engine_fails_its_job_with_a_reason(worker, counting, ends, heard):
    job = counting()
    os.kill(notes(heard)[-1]["engine"], signal.SIGKILL)
    ended = ends(job)
    assert ended.state == Job.State.FAILED
    assert "out of memory" in ended.reason


def test_a_killed_pool_process_costs_an_attempt_and_the_job_resumes(worker, counting, ends, heard):
    job = counting()
    os.kill(notes(heard)[-1]["worker"], signal.SIGKILL)
    ended = ends(job)
    assert (ended.state, ended.attempt) == (Job.State.SUCCEEDED, 2)
    (resumed,) = [line["step"] for line in notes(heard) if line["type"] == "resumed"]
    # What the engine had said but the dead process had not yet read is lost here; a real engine keeps a
    # journal of it and says it again (tests/training/test_chain.py).
    unheard = sorted(set(range(40)) - set(steps(heard)))
    assert unheard == list(range(resumed - len(unheard), resumed))
    assert resumed >= 2
    assert len(steps(heard)) <= 41


def test_poison_fails_after_its_attempts_and_blocks_nobody(committed_cast, worker, launch, ends, heard):
    poison = launch(committed_cast, "test-poison", max_attempts=2)
    others = [launch(committed_cast, "test-echo", name=number) for number in range(3)]
    for other in others:
        assert ends(other).state == Job.State.SUCCEEDED
    ended = ends(poison)
    assert ended.state == Job.State.FAILED
    assert ended.reason == "The worker was lost 2 times while it ran this job."
    assert [line["attempt"] for line in notes(heard) if "attempt" in line] == [1, 2]


def test_a_job_queued_without_a_broker_runs_when_it_is_back(committed_cast, worker, launch, ends, broker):
    broker.kill()
    job = launch(committed_cast, "test-echo")
    assert Job.objects.get(pk=job.pk).rung_at is None
    broker.start()
    assert ends(job).state == Job.State.SUCCEEDED


def test_a_running_job_survives_the_brokers_death_and_the_worker_comes_back(
    committed_cast, worker, counting, launch, ends, broker, heard
):
    job = counting()
    broker.kill()
    broker.start()
    ended = ends(job)
    assert (ended.state, ended.attempt) == (Job.State.SUCCEEDED, 1)
    assert ends(launch(committed_cast, "test-echo")).state == Job.State.SUCCEEDED


@pytest.fixture
def occupied(committed_cast, worker, launch, wait_for, heard):
    """The only worker is busy for a moment, so that what follows is queued together."""
    launch(committed_cast, "test-echo", name="first", seconds=2)
    wait_for(lambda: notes(heard), what="the first job")


def test_a_broker_that_lost_its_memory_loses_no_job(committed_cast, occupied, launch, ends, broker, heard):
    jobs = [launch(committed_cast, "test-echo", name=str(number)) for number in range(20)]
    broker.client.flushall()
    # What a minute without an answer looks like to the sweep.
    Job.objects.filter(state=Job.State.QUEUED).update(rung_at="2026-01-01T00:00:00Z")
    for job in jobs:
        assert ends(job).state == Job.State.SUCCEEDED
    assert sorted(line["name"] for line in notes(heard)) == sorted(["first", *map(str, range(20))])


def test_two_workspaces_take_turns(committed_cast, occupied, launch, ends, heard):
    theirs = committed_cast.charlie.workspace
    mine = [launch(committed_cast, "test-echo") for _ in range(6)]
    others = [launch(committed_cast, "test-echo", workspace=theirs) for _ in range(3)]
    for job in mine + others:
        ends(job)
    order = [line["workspace"] for line in notes(heard)]
    assert order[:6].count(theirs.pk) == 3


def test_ten_doorbells_for_one_job_run_it_once(
    committed_cast, start_worker, launch, ends, heard, wait_for, broker
):
    job = launch(committed_cast, "test-echo", seconds=1)
    for _ in range(9):
        current_app.send_task(DOORBELL, args=["light"], queue="light")
    start_worker(wait=False)
    start_worker(wait=False)
    assert ends(job).state == Job.State.SUCCEEDED
    wait_for(lambda: broker.client.llen("light") == 0, what="all bells answered")
    assert len(notes(heard)) == 1
    assert Job.objects.get().attempt == 1


def test_a_killed_worker_costs_an_attempt_and_another_one_resumes(
    start_worker, counting, ends, heard, wait_for
):
    worker = start_worker()
    job = counting()
    engine = notes(heard)[-1]["engine"]
    worker.send(signal.SIGKILL)
    wait_for(lambda: not is_alive(engine), seconds=5, what="the engine's end")
    start_worker()
    ended = ends(job)
    assert (ended.state, ended.attempt) == (Job.State.SUCCEEDED, 2)
    assert len(steps(heard)) <= 41


def test_a_suspended_worker_that_returns_writes_nothing(
    committed_cast, start_worker, launch, ends, wait_for, heard, tmp_path
):
    gate = tmp_path / "gate"
    suspended = start_worker()
    job = launch(committed_cast, "test-stale", gate=str(gate))
    wait_for(lambda: notes(heard))
    suspended.send_to_all(signal.SIGSTOP)
    start_worker()
    ended = ends(job)
    assert (ended.state, ended.result, ended.hint) == (Job.State.SUCCEEDED, {"token": 2}, "written by 2")
    gate.touch()
    suspended.send_to_all(signal.SIGCONT)
    wait_for(lambda: "the lease is lost" in suspended.text, what="the suspended worker's notice")
    after = Job.objects.get(pk=job.pk)
    assert (after.result, after.hint, after.ended_at) == (ended.result, ended.hint, ended.ended_at)


def test_a_suspended_engine_is_ended_before_the_next_attempt_starts(start_worker, counting, ends, heard):
    suspended = start_worker()
    job = counting()
    engine = notes(heard)[-1]["engine"]
    os.killpg(engine, signal.SIGSTOP)
    suspended.send_to_all(signal.SIGSTOP)
    start_worker()
    assert ends(job).state == Job.State.SUCCEEDED
    assert not is_alive(engine)
    assert len(steps(heard)) <= 41
