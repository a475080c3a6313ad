"""What the sweeps do for jobs: lost workers, lost doorbells, old files. They never end a process."""

import logging
import shutil
import uuid
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from jobs.claiming import lease_expired
from jobs.directories import clear, home_of
from jobs.doorbells import claimable, note_and_ring
from jobs.ending import lose
from jobs.models import Job, Queue

logger = logging.getLogger(__name__)

# A doorbell older than this may have been lost with the broker's memory.
BELL_FORGOTTEN = timedelta(seconds=60)
# Each answered bell rings again while jobs wait, so a few are enough to get every worker going.
BELLS_PER_SWEEP = 4
# What an unsuccessful job leaves behind is kept for a look, then only its log, then nothing.
FILES_KEPT = timedelta(days=7)
LOG_KEPT = timedelta(days=90)


def reap_expired() -> int:
    """Queue jobs again whose worker went silent, or end them when their attempts are used up."""
    count = 0
    while _reap_one():
        count += 1
    return count


@transaction.atomic
def _reap_one() -> bool:
    """One job a transaction: a job that cannot be written holds up no other one for long."""
    held = Job.objects.select_for_update(of=("self",), skip_locked=True).select_related("workspace")
    job = held.filter(**lease_expired()).order_by("lease_until").first()
    if job is None:
        return False
    logger.warning("Job %s: its worker %s went silent.", job.uid, job.lease_owner)
    lose(job)
    return True


def ring_forgotten() -> int:
    """Ring for jobs whose doorbell was never sent, or was sent so long ago that it may be lost."""
    rung = 0
    for queue in Queue.values:
        forgotten = claimable(queue).filter(Q(rung_at__isnull=True) | Q(rung_at__lt=Now() - BELL_FORGOTTEN))
        bells = forgotten[:BELLS_PER_SWEEP].count()
        if bells and note_and_ring(forgotten, queue=queue, bells=bells):
            rung += bells
    return rung


def delete_old_files() -> int:
    """Give back the disk of jobs that ended long ago."""
    root = Path(settings.WORK_ROOT)
    if not root.is_dir():
        return 0
    present = {uid for entry in root.iterdir() if (uid := _uid(entry.name))}
    ended = Job.objects.filter(uid__in=present, state__in=Job.ENDED)
    stale = set(ended.filter(ended_at__lt=Now() - LOG_KEPT).values_list("uid", flat=True))
    for uid in stale:
        shutil.rmtree(home_of(uid), ignore_errors=True)
    for uid in (
        ended.filter(ended_at__lt=Now() - FILES_KEPT).exclude(uid__in=stale).values_list("uid", flat=True)
    ):
        clear(uid)
    return len(stale)


def _uid(name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(name)
    except ValueError:
        return None
