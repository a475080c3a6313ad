"""Where a job keeps its files: WORK_ROOT/<job uid>/{log, work, attempt-N}."""

import shutil
import uuid
from pathlib import Path

from django.conf import settings

from jobs.logfiles import JobLog
from jobs.models import Job


def home_of(uid: uuid.UUID) -> Path:
    return Path(settings.WORK_ROOT) / str(uid)


def log_of(uid: uuid.UUID) -> JobLog:
    return JobLog(home_of(uid) / "log")


def shared_directory(uid: uuid.UUID) -> Path:
    """The same for every attempt: checkpoints and whatever else lets the next one resume."""
    return home_of(uid) / "work"


def attempt_directory(job: Job) -> Path:
    """A claim's own directory. The token is unique per claim, the attempt's number is not."""
    return home_of(job.uid) / f"attempt-{job.lease_token}"


def prepare(job: Job) -> None:
    for directory in (shared_directory(job.uid), attempt_directory(job)):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)


def clear(uid: uuid.UUID) -> None:
    """Delete everything but the log."""
    home = home_of(uid)
    for directory in [home / "work", *home.glob("attempt-*")]:
        shutil.rmtree(directory, ignore_errors=True)
