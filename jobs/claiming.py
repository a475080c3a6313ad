"""Taking a job and holding it: a lease on the database's clock, with a token that only grows.

Every write of a running job names the token; where it no longer fits, LeaseLost is raised instead.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from jobs.failures import LeaseLost
from jobs.models import Job

# How far back a started job still counts against its workspace, and among how many of the newest rows
# such starts are looked for, so that a claim costs the same after a million jobs.
RECENT = timedelta(minutes=10)
RECENT_ROWS = 2000

CLAIM = """
WITH busy AS (
    SELECT workspace_id, count(*) AS jobs FROM (
        SELECT id, workspace_id FROM jobs_job WHERE queue = %(queue)s AND state = 'running'
        UNION
        SELECT id, workspace_id FROM jobs_job
        WHERE id > (SELECT max(id) FROM jobs_job) - %(recent_rows)s
          AND queue = %(queue)s AND started_at > now() - %(recent)s
    ) AS started GROUP BY workspace_id
), best AS MATERIALIZED (
    SELECT job.id FROM jobs_job AS job LEFT JOIN busy USING (workspace_id)
    WHERE job.queue = %(queue)s AND job.state = 'queued' AND job.kind = ANY(%(kinds)s)
      AND job.cancel_requested_at IS NULL AND (job.not_before IS NULL OR job.not_before <= now())
    ORDER BY job.priority DESC, coalesce(busy.jobs, 0), job.id
    LIMIT 1 FOR UPDATE OF job SKIP LOCKED
)
UPDATE jobs_job AS job SET state = 'running', attempt = attempt + 1, lease_token = lease_token + 1,
    lease_owner = %(owner)s, lease_until = now() + %(lease)s, heartbeat_at = now(), not_before = NULL,
    started_at = now(), reason = '', hint = ''
FROM best WHERE job.id = best.id RETURNING job.*
"""
BEAT = """
UPDATE jobs_job SET heartbeat_at = now(), lease_until = now() + %s
WHERE id = %s AND lease_token = %s AND state = 'running' RETURNING cancel_requested_at IS NOT NULL
"""
PEEK = """
SELECT cancel_requested_at IS NOT NULL FROM jobs_job WHERE id = %s AND lease_token = %s AND state = 'running'
"""


@dataclass(frozen=True)
class Lease:
    """The right to write to one running job."""

    job_id: int
    token: int

    @classmethod
    def of(cls, job: Job) -> "Lease":
        return cls(job_id=job.pk, token=job.lease_token)


def lease_time() -> timedelta:
    return timedelta(seconds=settings.JOB_LEASE_SECONDS)


def claim(*, queue: str, owner: str, kinds: Collection[str]) -> Job | None:
    """Take the best queued job of these kinds: by priority, then from the workspace that had least lately.

    One statement: of any number of claimers each gets a different job, and none waits for another.
    """
    values = {
        "queue": queue,
        "owner": owner[:120],
        "kinds": sorted(kinds),
        "lease": lease_time(),
        "recent": RECENT,
        "recent_rows": RECENT_ROWS,
    }
    return next(iter(Job.objects.raw(CLAIM, values)), None)


def beat(lease: Lease) -> bool:
    """Extend the lease; tells whether a person asked to cancel. Raises LeaseLost."""
    return _one_flag(BEAT, [lease_time(), lease.job_id, lease.token])


def peek(lease: Lease) -> bool:
    """As `beat`, without a write."""
    return _one_flag(PEEK, [lease.job_id, lease.token])


def _one_flag(statement: str, values: list[Any]) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        row = cursor.fetchone()
    if row is None:
        raise LeaseLost
    return bool(row[0])


def write_progress(lease: Lease, *, fraction: float, sentence: str) -> None:
    changed = Job.objects.filter(pk=lease.job_id, lease_token=lease.token, state=Job.State.RUNNING).update(
        progress=fraction, sentence=sentence
    )
    if not changed:
        raise LeaseLost


@contextmanager
def fenced(lease: Lease) -> Iterator[Job]:
    """One transaction that holds the job's row, so that nobody can take the job before it is committed.

    The heartbeat waits for that row too: stay well below a third of the lease's time.
    """
    with transaction.atomic():
        held = Job.objects.select_for_update(of=("self",)).select_related("workspace", "created_by")
        job = held.filter(pk=lease.job_id, lease_token=lease.token, state=Job.State.RUNNING).first()
        if job is None:
            raise LeaseLost
        yield job


def lease_expired() -> dict[str, object]:
    """The filter for running jobs whose worker went silent."""
    return {"state": Job.State.RUNNING, "lease_until__lt": Now()}
