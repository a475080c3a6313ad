"""Sweeps: one worker at a time, each at its own pace, none in the way of another."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from jobs import sweeps
from jobs.deafness import Deafness
from jobs.directories import home_of, log_of, prepare
from jobs.models import Job
from jobs.reaping import delete_old_files
from jobs.registry import load_handlers
from jobs.sweeps import sweep, sweep_once
from tests.jobs import handlers  # noqa: F401 - registers the tests' kinds in this process


@pytest.fixture
def only_these(monkeypatch):
    """An empty registry for the sweeps of one test."""
    monkeypatch.setattr(sweeps, "_sweeps", {})


def in_a_thread(work):
    def run():
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(timeout=20)


def test_only_one_worker_sweeps_at_a_time(transactional_db, only_these):
    answers: list[bool] = []

    @sweep("outer", every=0)
    def outer() -> None:
        answers.append(in_a_thread(sweep_once))

    assert sweep_once() is True
    assert answers == [False]
    assert in_a_thread(sweep_once) is True, "the lock is free again"


def test_a_lock_whose_holder_is_suspended_stops_no_sweep_for_long(
    transactional_db, only_these, settings, wait_for
):
    settings.JOB_SWEEP_SECONDS = 0.05
    calls: list[str] = []
    sweep("patient", every=0)(lambda: calls.append("swept"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [sweeps.LOCK])
    sweeper = sweeps.Sweeper()
    sweeper.start()
    try:
        wait_for(lambda: calls, seconds=10, what="a sweep without the lock")
    finally:
        sweeper.stop()
        sweeper.join(timeout=10)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [sweeps.LOCK])


def test_a_sweep_keeps_its_own_pace(db, only_these):
    calls: list[str] = []
    sweep("often", every=0)(lambda: calls.append("often"))
    sweep("seldom", every=3600)(lambda: calls.append("seldom"))
    sweep_once()
    sweep_once()
    assert calls == ["often", "seldom", "often"]


def test_a_broken_sweep_does_not_stop_the_others(db, only_these, caplog):
    calls: list[str] = []

    @sweep("broken", every=0)
    def broken() -> None:
        raise ValueError("no")

    sweep("sound", every=0)(lambda: calls.append("sound"))
    assert sweep_once()
    assert calls == ["sound"]
    assert "The sweep “broken” broke." in caplog.text


def test_the_apps_register_their_sweeps_when_a_worker_starts():
    load_handlers()
    assert {"expired leases", "forgotten doorbells", "old files of jobs"} <= set(sweeps._sweeps)


def ended(launch, cast, days: int) -> Job:
    job = launch(cast, "test-echo")
    prepare(job)
    log_of(job.uid).line("kept for a while")
    at = timezone.now() - timedelta(days=days)
    Job.objects.filter(pk=job.pk).update(state=Job.State.FAILED, ended_at=at)
    return job


def test_old_files_go_first_and_old_logs_later(cast, broker, launch):
    fresh, old, ancient = (ended(launch, cast, days) for days in (1, 10, 100))
    running = launch(cast, "test-echo")
    prepare(running)
    delete_old_files()
    assert sorted(os.listdir(home_of(fresh.uid))) == ["attempt-0", "log", "work"]
    assert os.listdir(home_of(old.uid)) == ["log"]
    assert not home_of(ancient.uid).exists()
    assert sorted(os.listdir(home_of(running.uid))) == ["attempt-0", "work"]


class Ears:
    """A worker's main process as the watch sees it."""

    def __init__(self) -> None:
        self.heard = 0
        self.busy = False
        self.stopped = False

    def watch(self) -> Deafness:
        return Deafness(
            ["light"],
            stop=lambda: setattr(self, "stopped", True),
            seconds=0.1,
            heard=lambda: self.heard,
            busy=lambda: self.busy,
        )

    def look_twice(self, between=lambda: None) -> bool:
        watch = self.watch()
        time.sleep(0.15)
        between()
        watch.look()
        return self.stopped


def test_a_worker_that_hears_nothing_while_jobs_wait_starts_anew(committed_cast, broker, launch):
    launch(committed_cast, "test-echo")
    assert Ears().look_twice() is True


def test_a_worker_that_heard_something_is_not_deaf(committed_cast, broker, launch):
    launch(committed_cast, "test-echo")
    ears = Ears()
    assert ears.look_twice(lambda: setattr(ears, "heard", 1)) is False


def test_a_busy_worker_is_not_deaf(committed_cast, broker, launch):
    launch(committed_cast, "test-echo")
    ears = Ears()
    ears.busy = True
    assert ears.look_twice() is False


def test_a_worker_without_waiting_jobs_is_not_deaf(committed_cast, broker):
    assert Ears().look_twice() is False


def test_nobody_is_deaf_while_the_broker_is_down(committed_cast, broker, launch):
    broker.kill()
    launch(committed_cast, "test-echo")
    assert Ears().look_twice() is False
