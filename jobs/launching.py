"""Starting and cancelling jobs, and telling whether anybody answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import AuditEvent, Membership, Workspace
from core.errors import Conflict, Invalid
from core.requests import current_request_id
from jobs.doorbells import ring
from jobs.ending import end
from jobs.models import Job, Queue
from jobs.wording import storable

__all__ = ["JobEnded", "QueueHealth", "cancel", "enqueue", "queue_health", "ring"]

# Long enough for the ring that follows a commit, so that a page loaded in between does not cry wolf.
UNRUNG = timedelta(seconds=1)
UNATTENDED = timedelta(minutes=2)


class JobEnded(Conflict):
    """It is too late to cancel."""


def enqueue(
    *,
    workspace: Workspace,
    kind: str,
    queue: str,
    title: str,
    payload: Mapping[str, object],
    created_by: Membership | None = None,
    requirements: Mapping[str, object] | None = None,
    priority: int = 0,
    max_attempts: int = 3,
) -> Job:
    """Queue a job inside the caller's transaction; the doorbell rings after its commit.

    Raises Invalid for a queue that does not exist. A dead broker never fails this call or the commit.
    """
    if queue not in Queue.values:
        raise Invalid(
            _("There is no queue named “%(queue)s”.") % {"queue": queue}, fields={"queue": "unknown"}
        )
    job = Job.objects.create(
        workspace=workspace,
        kind=kind,
        queue=queue,
        title=storable(title, longest=200),
        payload=dict(payload),
        requirements=dict(requirements or {}),
        priority=priority,
        max_attempts=max_attempts,
        created_by=created_by,
        request_id=current_request_id(),
    )
    transaction.on_commit(partial(ring, queue), robust=True)
    return job


@transaction.atomic
def cancel(*, job: Job, by: Membership) -> Job:
    """End a queued job at once, or ask the worker of a running one to stop it. Asking twice is harmless.

    Raises JobEnded where the job succeeded or failed before.
    """
    held = Job.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=job.pk)
    if held.state in {Job.State.SUCCEEDED, Job.State.FAILED}:
        raise JobEnded(_("This job has already ended, so there is nothing to cancel."))
    if held.state == Job.State.QUEUED:
        end(held, Job.State.CANCELLED, by=by, cancel_requested_at=Now())
    elif held.state == Job.State.RUNNING and held.cancel_requested_at is None:
        Job.objects.filter(pk=held.pk).update(cancel_requested_at=Now())
        # The job's end is written by a worker, so who asked for it is written here.
        record(
            kind=AuditEvent.Kind.RUN_CANCELLED,
            membership=by,
            object_kind="job",
            object_uid=held.uid,
            job=held.kind,
            title=held.title,
        )
    return Job.objects.get(pk=held.pk)


@dataclass(frozen=True)
class QueueHealth:
    """Why jobs of a workspace wait although they need not."""

    broker_down: bool
    unattended: tuple[str, ...]


def queue_health(*, workspace: Workspace) -> QueueHealth:
    """Judged by the rows alone, so that the page answers while the broker hangs."""
    waiting = Job.objects.filter(
        workspace=workspace, state=Job.State.QUEUED, not_before__isnull=True, created_at__lt=Now() - UNRUNG
    )
    unheard = waiting.filter(rung_at__isnull=False, created_at__lt=Now() - UNATTENDED)
    busy = set(Job.objects.filter(state=Job.State.RUNNING).values_list("queue", flat=True))
    idle = sorted(set(unheard.values_list("queue", flat=True)) - busy)
    return QueueHealth(
        broker_down=waiting.filter(rung_at__isnull=True).exists(),
        unattended=tuple(str(Queue(name).label) for name in idle),
    )
