"""An engine child: what it is given, what it says, how it ends, and how it is ended."""

import os
import signal
import time

import pytest

from jobs.directories import log_of, shared_directory
from jobs.models import Job
from jobs.running import run_next
from tests.jobs import handlers  # noqa: F401 - registers the tests' kinds in this process
from tests.jobs.processes import is_alive, notes


@pytest.fixture
def run_engine(committed_cast, broker, launch, settings):
    """Run an engine child in this process, as a training worker would."""
    settings.JOB_KILL_AFTER_SECONDS = 2

    def run(mode: str, **payload: object) -> Job:
        job = launch(committed_cast, "test-engine", queue="training", mode=mode, **payload)
        assert run_next(queue="training", owner="test")
        return Job.objects.get(pk=job.pk)

    return run


def test_its_lines_arrive_in_order_and_progress_is_shown(run_engine, heard):
    job = run_engine("steps", steps=5)
    assert (job.state, job.result) == (Job.State.SUCCEEDED, {"lines": 5})
    assert [line["step"] for line in notes(heard)] == [0, 1, 2, 3, 4]
    assert job.sentence == "Step 5"


def test_it_inherits_no_address_and_no_secret(run_engine, heard, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "x" * 50)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    run_engine("environment")
    environment = notes(heard)[0]["environment"]
    assert not {"DATABASE_URL", "BROKER_URL", "SECRET_KEY", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY"} & set(
        environment
    )
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert environment["OMP_NUM_THREADS"] == "1"


def test_it_leads_a_process_group_of_its_own(run_engine, heard):
    run_engine("environment")
    line = notes(heard)[0]
    assert line["group"] == line["engine"] != os.getpgid(0)


def test_chatter_and_errors_land_in_the_log(run_engine):
    job = run_engine("chatty")
    assert (job.state, job.result) == (Job.State.SUCCEEDED, {"lines": 0})
    text = log_of(job.uid).read(limit=1_000_000).text
    assert "this is no JSON" in text
    assert "the last words" in text
    assert len(text) > 300_000


def test_its_own_words_become_the_reason(run_engine):
    job = run_engine("failed")
    assert (job.state, job.reason) == (Job.State.FAILED, "The loss is not finite.")
    assert job.hint == "Lower the learning rate."


def test_a_bare_exit_code_is_told_with_the_last_line_of_the_log(run_engine):
    job = run_engine("code", code=7)
    assert job.reason == "The process ended with code 7: ValueError: nothing to train on"


def test_a_kill_is_told_as_lack_of_memory(run_engine):
    job = run_engine("signal", signal=signal.SIGKILL)
    assert job.state == Job.State.FAILED
    assert "exit -9" in job.reason
    assert "out of memory" in job.reason
    assert "smaller batch" in job.hint


def test_a_crash_names_its_signal(run_engine):
    assert "SIGSEGV" in run_engine("signal", signal=signal.SIGSEGV).reason


def test_a_stop_from_outside_queues_the_job_again(run_engine):
    job = run_engine("signal", signal=signal.SIGTERM)
    assert (job.state, job.attempt) == (Job.State.QUEUED, 1)
    assert "stopped from outside" in job.reason


def test_a_helper_that_holds_the_output_open_is_ended_with_its_leader(run_engine, heard):
    begun = time.monotonic()
    job = run_engine("helper")
    assert job.state == Job.State.SUCCEEDED
    assert time.monotonic() - begun < 10
    assert not is_alive(notes(heard)[0]["helper"])


def test_an_engine_that_closes_its_output_early_is_left_to_end_by_itself(run_engine):
    assert run_engine("late").state == Job.State.SUCCEEDED


def test_the_next_attempt_resumes_in_the_shared_directory(run_engine, heard):
    job = run_engine("signal", signal=signal.SIGTERM)
    Job.objects.filter(pk=job.pk).update(
        not_before=None, payload={"file": str(heard), "mode": "steps", "steps": 4}
    )
    (shared_directory(job.uid) / "step").write_text("2")
    assert run_next(queue="training", owner="test")
    assert [line.get("step") for line in notes(heard)] == [None, 2, 2, 3]
