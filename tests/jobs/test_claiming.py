"""One job, one holder: claims race, leases end, old tokens write nothing."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from jobs.claiming import Lease, beat, claim, fenced, write_progress
from jobs.ending import fail, give_back, succeed
from jobs.failures import LeaseLost
from jobs.models import Job
from jobs.reaping import reap_expired

KINDS = {"test-echo"}


def take(queue: str = "light") -> Job | None:
    return claim(queue=queue, owner="test", kinds=KINDS)


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def race(claimers: int) -> list[Job]:
    """Claims from as many threads at the same moment."""
    barrier = threading.Barrier(claimers)

    def one(_: int) -> Job | None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            return take()
        finally:
            connection.close()

    with ThreadPoolExecutor(claimers) as pool:
        return [job for job in pool.map(one, range(claimers)) if job is not None]


def test_fifty_claimers_of_one_job_have_one_winner(committed_cast, broker, launch):
    job = launch(committed_cast, "test-echo")
    won = race(50)
    assert [winner.pk for winner in won] == [job.pk]
    job.refresh_from_db()
    assert (job.attempt, job.lease_token) == (1, 1)


def test_claimers_of_many_jobs_never_get_the_same_one(committed_cast, broker, launch):
    for _ in range(20):
        launch(committed_cast, "test-echo")
    won = race(30)
    assert len(won) == 20
    assert len({job.pk for job in won}) == 20


def test_the_higher_priority_runs_first_then_the_older_one(cast, broker, launch):
    old, new = launch(cast, "test-echo"), launch(cast, "test-echo")
    urgent = launch(cast, "test-echo", priority=5)
    assert [take().pk for _ in range(3)] == [urgent.pk, old.pk, new.pk]


def test_a_workspace_with_many_jobs_does_not_starve_another(cast, broker, launch):
    for _ in range(10):
        launch(cast, "test-echo")
    for _ in range(2):
        launch(cast, "test-echo", workspace=cast.charlie.workspace)
    first_four = Counter(take().workspace_id for _ in range(4))
    assert first_four == {cast.workspace.pk: 2, cast.charlie.workspace_id: 2}


def test_jobs_that_ended_a_moment_ago_count_for_the_fair_share(cast, broker, launch):
    for _ in range(3):
        launch(cast, "test-echo")
    succeed(Lease.of(take()), result={})
    launch(cast, "test-echo", workspace=cast.charlie.workspace)
    assert take().workspace_id == cast.charlie.workspace_id


def test_a_job_is_not_claimed_before_its_time(cast, broker, launch):
    job = launch(cast, "test-echo")
    Job.objects.filter(pk=job.pk).update(not_before=timezone.now() + timedelta(minutes=1))
    assert take() is None


def test_a_job_is_not_claimed_from_another_queue(cast, broker, launch):
    launch(cast, "test-echo", queue="training")
    assert take("light") is None
    assert take("training") is not None


def test_a_heartbeat_extends_the_lease_and_hears_of_a_cancel(cast, broker, launch):
    launch(cast, "test-echo")
    job = take()
    before = job.lease_until
    Job.objects.filter(pk=job.pk).update(cancel_requested_at=timezone.now())
    assert beat(Lease.of(job)) is True
    job.refresh_from_db()
    assert job.lease_until >= before


@pytest.mark.parametrize(
    "write",
    [
        lambda lease: beat(lease),
        lambda lease: write_progress(lease, fraction=0.9, sentence="late"),
        lambda lease: succeed(lease, result={"late": True}),
        lambda lease: fail(lease, reason="late", hint=""),
        lambda lease: give_back(lease),
        lambda lease: fenced(lease).__enter__(),
    ],
    ids=["beat", "progress", "succeed", "fail", "give back", "fenced"],
)
def test_a_write_with_an_old_token_changes_nothing(cast, broker, launch, write):
    launch(cast, "test-echo")
    stale = Lease.of(take())
    expire(Job.objects.get(pk=stale.job_id))
    assert reap_expired() == 1
    current = take()
    with pytest.raises(LeaseLost):
        write(stale)
    row = Job.objects.get(pk=stale.job_id)
    assert (row.state, row.progress, row.result, row.reason) == (Job.State.RUNNING, 0.0, {}, "")
    assert row.lease_token == current.lease_token == stale.token + 1


def test_a_lease_that_ended_but_was_not_taken_over_can_still_be_extended(cast, broker, launch):
    launch(cast, "test-echo")
    job = take()
    expire(job)
    beat(Lease.of(job))
    assert reap_expired() == 0


def test_the_reaper_leaves_a_job_whose_row_is_being_written(committed_cast, broker, launch):
    launch(committed_cast, "test-echo")
    lease = Lease.of(take())
    expire(Job.objects.get(pk=lease.job_id))
    with fenced(lease), ThreadPoolExecutor(1) as pool:
        assert pool.submit(reap_and_close).result(timeout=10) == 0


def reap_and_close() -> int:
    try:
        return reap_expired()
    finally:
        connection.close()


def test_a_lost_worker_costs_an_attempt_and_the_pauses_grow(cast, broker, launch):
    job = launch(cast, "test-echo", max_attempts=3)
    expire(take())
    reap_expired()
    job.refresh_from_db()
    assert (job.state, job.attempt, job.not_before) == (Job.State.QUEUED, 1, None)
    expire(take())
    reap_expired()
    job.refresh_from_db()
    assert job.not_before is not None


def test_a_job_whose_attempts_are_used_up_fails_in_words(cast, broker, launch):
    job = launch(cast, "test-echo", max_attempts=1)
    expire(take())
    reap_expired()
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert job.reason == "The worker was lost 1 time while it ran this job."
    assert job.hint


def test_a_lost_worker_of_a_cancelled_job_ends_it_as_cancelled(cast, broker, launch):
    job = launch(cast, "test-echo")
    expire(take())
    Job.objects.filter(pk=job.pk).update(cancel_requested_at=timezone.now())
    reap_expired()
    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED


def test_giving_a_job_back_does_not_use_up_the_attempt(cast, broker, launch):
    job = launch(cast, "test-echo")
    give_back(Lease.of(take()))
    job.refresh_from_db()
    assert (job.state, job.attempt, job.lease_token) == (Job.State.QUEUED, 0, 1)
