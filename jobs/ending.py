"""Every way out of RUNNING: one transaction for the row and, when it is final, for its audit event."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.audit import record
from accounts.models import AuditEvent, Membership
from jobs.claiming import Lease, fenced
from jobs.doorbells import ring
from jobs.models import Job
from jobs.wording import storable

# The first loss is often the machine's fault, so it is tried again at once; then the pauses grow.
BACK_OFF = (0, 60, 300, 900)


def back_off(attempt: int) -> timedelta:
    """The pause after this many attempts."""
    return timedelta(seconds=BACK_OFF[max(0, min(attempt - 1, len(BACK_OFF) - 1))])


def succeed(lease: Lease, *, result: Mapping[str, object]) -> None:
    with fenced(lease) as job:
        end(job, Job.State.SUCCEEDED, progress=1.0, result=dict(result))


def fail(lease: Lease, *, reason: str, hint: str) -> None:
    with fenced(lease) as job:
        end(job, Job.State.FAILED, reason=storable(reason), hint=storable(hint))


def cancel_running(lease: Lease) -> None:
    with fenced(lease) as job:
        end(job, Job.State.CANCELLED)


def give_back(lease: Lease) -> None:
    """Queue the job again as if this attempt had not been: the worker was at fault, not the job."""
    with fenced(lease) as job:
        if job.cancel_requested_at:
            end(job, Job.State.CANCELLED)
            return
        requeue(job, after=timedelta(0), attempt=max(0, job.attempt - 1))


def retry(lease: Lease, *, reason: str, hint: str, seconds: float | None) -> None:
    """Queue the job again after a pause, or fail it with these words when its attempts are used up."""
    with fenced(lease) as job:
        if job.cancel_requested_at:
            end(job, Job.State.CANCELLED)
        elif job.attempt >= job.max_attempts:
            end(job, Job.State.FAILED, reason=storable(reason), hint=storable(hint))
        else:
            after = back_off(job.attempt + 1) if seconds is None else timedelta(seconds=seconds)
            requeue(job, after=after, reason=storable(reason), hint=storable(hint))


def lose(job: Job) -> None:
    """What becomes of a job whose worker went silent; the caller holds its row."""
    if job.cancel_requested_at:
        end(job, Job.State.CANCELLED)
    elif job.attempt >= job.max_attempts:
        end(job, Job.State.FAILED, reason=_lost_reason(job.attempt), hint=_lost_hint())
    else:
        requeue(job, after=back_off(job.attempt))


def _lost_reason(attempts: int) -> str:
    sentence = ngettext(
        "The worker was lost %(count)d time while it ran this job.",
        "The worker was lost %(count)d times while it ran this job.",
        attempts,
    )
    return sentence % {"count": attempts}


def _lost_hint() -> str:
    return _(
        "The job itself may bring the worker down, for example by using up the memory. "
        "Look at the end of its log and at the worker's log, then start it again with less work."
    )


def requeue(job: Job, *, after: timedelta, **fields: object) -> None:
    """Back to QUEUED; the caller holds the row. A doorbell rings after the commit unless there is a pause."""
    pause: dict[str, object] = {"not_before": Now() + after} if after else {"not_before": None}
    _write(job, state=Job.State.QUEUED, lease_until=None, rung_at=None, **pause, **fields)
    if not after:
        transaction.on_commit(partial(ring, job.queue), robust=True)


def end(job: Job, state: Job.State, *, by: Membership | None = None, **fields: object) -> None:
    """The final state with its audit event; the caller holds the row."""
    _write(job, state=state, lease_until=None, ended_at=Now(), **fields)
    record(
        kind=AuditEvent.Kind.JOB_ENDED,
        workspace=job.workspace,
        membership=by,
        object_kind="job",
        object_uid=job.uid,
        job=job.kind,
        title=job.title,
        state=state.value,
        attempt=job.attempt,
    )


def _write(job: Job, **fields: object) -> None:
    Job.objects.filter(pk=job.pk).update(**fields)


Ending = Callable[[Lease], None]
