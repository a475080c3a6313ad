"""Jobs are rows first: enqueue, cancel, and what the broker's absence changes."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery.signals import before_task_publish
from django.db import connection, transaction

from accounts.models import AuditEvent
from core.errors import Invalid
from jobs.claiming import claim
from jobs.launching import JobEnded, cancel, enqueue, queue_health, ring
from jobs.models import Job
from jobs.reaping import ring_forgotten
from tests.jobs.processes import seconds_of


def bells(broker, queue: str = "light") -> int:
    return broker.client.llen(queue)


def take() -> Job:
    job = claim(queue="light", owner="test", kinds={"test-echo"})
    assert job is not None
    return job


def test_it_rings_after_the_commit_only(committed_cast, broker, launch):
    with transaction.atomic():
        job = launch(committed_cast, "test-echo")
        assert bells(broker) == 0
    assert bells(broker) == 1
    job.refresh_from_db()
    assert job.rung_at is not None


def test_the_row_is_written_before_its_bell_rings(committed_cast, broker, launch):
    """A worker passes over a row that is being written, so it would hear the bell in vain."""
    noted: list[object] = []

    def look(**_publishing: object) -> None:
        noted.append(Job.objects.get().rung_at)

    before_task_publish.connect(look)
    try:
        launch(committed_cast, "test-echo")
        Job.objects.update(rung_at=None)
        ring_forgotten()
    finally:
        before_task_publish.disconnect(look)
    assert len(noted) == 2
    assert None not in noted


def test_a_doorbell_names_a_queue_and_no_job(committed_cast, broker, launch):
    job = launch(committed_cast, "test-echo")
    message = broker.client.lindex("light", 0)
    assert str(job.uid).encode() not in message
    assert f'"{job.pk}"'.encode() not in message


def test_an_unknown_queue_is_refused(cast, broker):
    with pytest.raises(Invalid):
        enqueue(workspace=cast.workspace, kind="x", queue="express", title="x", payload={})


def test_with_the_broker_down_the_row_stays_and_health_says_so(committed_cast, broker, launch, wait_for):
    broker.kill()
    job = launch(committed_cast, "test-echo")
    job.refresh_from_db()
    assert (job.state, job.rung_at) == (Job.State.QUEUED, None)
    wait_for(lambda: queue_health(workspace=committed_cast.workspace).broker_down, seconds=5)
    assert not queue_health(workspace=committed_cast.charlie.workspace).broker_down


def test_a_broker_that_refuses_costs_less_than_two_seconds(committed_cast, broker, launch):
    broker.kill()
    assert seconds_of(lambda: launch(committed_cast, "test-echo")) < 2


def test_a_broker_that_hangs_costs_less_than_four_seconds(committed_cast, broker, launch):
    broker.send(signal.SIGSTOP)
    try:
        assert seconds_of(lambda: launch(committed_cast, "test-echo")) < 4
    finally:
        broker.send(signal.SIGCONT)
    assert Job.objects.get().rung_at is None


def test_the_sweep_rings_for_a_job_that_the_broker_never_heard_of(committed_cast, broker, launch):
    broker.kill()
    job = launch(committed_cast, "test-echo")
    assert ring_forgotten() == 0
    broker.start()
    assert ring_forgotten() == 1
    job.refresh_from_db()
    assert job.rung_at is not None
    assert not queue_health(workspace=committed_cast.workspace).broker_down


def test_the_sweep_does_not_ring_again_at_once(committed_cast, broker, launch):
    launch(committed_cast, "test-echo")
    assert ring_forgotten() == 0


def test_the_sweep_rings_a_few_times_for_many_jobs(committed_cast, broker, launch):
    for _ in range(10):
        launch(committed_cast, "test-echo")
    Job.objects.update(rung_at=None)
    broker.client.flushall()
    ring_forgotten()
    assert bells(broker) == 4


def test_it_rings_from_any_thread_of_a_web_process(committed_cast, broker):
    def ring_and_close() -> bool:
        try:
            return ring("light")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(ring_and_close).result(timeout=10) is True
    assert bells(broker) == 1


def test_ring_tells_whether_the_broker_took_it(committed_cast, broker):
    assert ring("light") is True
    broker.kill()
    assert ring("light") is False


def test_a_queued_job_is_cancelled_at_once(cast, broker, launch):
    job = cancel(job=launch(cast, "test-echo"), by=cast.alice)
    assert job.state == Job.State.CANCELLED
    assert job.ended_at is not None
    event = AuditEvent.objects.get(kind=AuditEvent.Kind.JOB_ENDED)
    assert (event.membership, event.object_uid) == (cast.alice, job.uid)


def test_a_cancelled_job_is_never_claimed(cast, broker, launch):
    cancel(job=launch(cast, "test-echo"), by=cast.alice)
    assert claim(queue="light", owner="test", kinds={"test-echo"}) is None


def test_a_running_job_is_asked_to_stop(cast, broker, launch):
    launch(cast, "test-echo")
    job = cancel(job=take(), by=cast.alice)
    assert job.state == Job.State.RUNNING
    assert job.cancel_requested_at is not None
    event = AuditEvent.objects.get(kind=AuditEvent.Kind.RUN_CANCELLED)
    assert (event.membership, event.object_uid) == (cast.alice, job.uid)


def test_cancelling_twice_changes_nothing(cast, broker, launch):
    once = cancel(job=launch(cast, "test-echo"), by=cast.alice)
    twice = cancel(job=once, by=cast.alice)
    assert twice.ended_at == once.ended_at
    assert AuditEvent.objects.filter(kind=AuditEvent.Kind.JOB_ENDED).count() == 1


def test_it_is_too_late_to_cancel_what_has_ended(cast, broker, launch):
    job = launch(cast, "test-echo")
    Job.objects.filter(pk=job.pk).update(state=Job.State.SUCCEEDED, ended_at=job.created_at)
    with pytest.raises(JobEnded):
        cancel(job=job, by=cast.alice)
