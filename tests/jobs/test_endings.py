"""Every way a handler can end becomes one final row with words for a person."""

import pytest

from accounts.models import AuditEvent
from jobs.directories import home_of, log_of
from jobs.models import Job
from jobs.registry import load_handlers
from jobs.running import run_next
from tests.jobs import handlers  # noqa: F401 - registers the tests' kinds in this process


@pytest.fixture
def run_one(committed_cast, broker, launch):
    """Queue a job and run it in this process, as a worker would."""

    def run(kind: str = "test-raise", **payload: object) -> Job:
        job = launch(committed_cast, kind, **payload)
        assert run_next(queue="light", owner="test")
        return Job.objects.get(pk=job.pk)

    load_handlers()
    return run


def test_a_refusal_of_the_handler_is_shown_in_its_words(run_one):
    job = run_one(how="failed")
    assert (job.state, job.reason, job.hint) == (Job.State.FAILED, "The soup is cold.", "Heat it.")
    assert job.attempt == 1


def test_an_unexpected_error_names_the_request_and_hides_the_details(run_one):
    job = run_one(how="broken")
    assert job.state == Job.State.FAILED
    assert "Something broke on our side" in job.reason
    assert "secret detail" not in job.reason + job.hint


def test_the_traceback_of_an_unexpected_error_is_in_the_log(run_one):
    job = run_one(how="broken")
    assert "RuntimeError: a secret detail" in log_of(job.uid).tail().text
    assert "about to raise" in log_of(job.uid).tail().text


def test_a_full_disk_is_told_as_such(run_one):
    job = run_one(how="full")
    assert job.reason == "The disk is full."
    assert "Free some space" in job.hint


def test_a_result_that_is_not_json_fails_the_job(run_one):
    assert run_one(how="result").state == Job.State.FAILED


def test_a_result_that_the_database_refuses_fails_the_job_once(run_one):
    job = run_one(how="nul")
    assert job.state == Job.State.FAILED
    assert job.attempt == 1


def test_a_temporary_failure_waits_before_the_next_attempt(run_one):
    job = run_one(how="retry", seconds=60)
    assert job.state == Job.State.QUEUED
    assert job.not_before is not None
    assert not run_next(queue="light", owner="test")


def test_a_temporary_failure_becomes_final_with_the_last_attempt(run_one):
    job = run_one(how="retry", seconds=0, max_attempts=2)
    assert job.state == Job.State.QUEUED
    assert run_next(queue="light", owner="test")
    job.refresh_from_db()
    assert (job.state, job.attempt, job.reason) == (Job.State.FAILED, 2, "The cook is away.")


@pytest.mark.parametrize("how", ["failed", "broken"])
def test_every_end_has_exactly_one_audit_event(run_one, how):
    job = run_one(how=how)
    event = AuditEvent.objects.get(kind=AuditEvent.Kind.JOB_ENDED, object_uid=job.uid)
    assert event.workspace == job.workspace
    assert event.detail["state"] == "failed"


def test_a_job_of_a_kind_that_nobody_knows_stays_queued(committed_cast, broker, launch):
    job = launch(committed_cast, "test-of-another-version")
    assert not run_next(queue="light", owner="test")
    job.refresh_from_db()
    assert (job.state, job.attempt) == (Job.State.QUEUED, 0)


def test_a_finished_job_keeps_its_log_and_nothing_else(run_one, heard):
    job = run_one("test-echo")
    assert job.state == Job.State.SUCCEEDED
    assert [entry.name for entry in home_of(job.uid).iterdir()] == ["log"]


def test_a_failed_job_keeps_its_files_for_a_look(run_one):
    job = run_one(how="failed")
    assert sorted(entry.name for entry in home_of(job.uid).iterdir()) == ["attempt-1", "log", "work"]
