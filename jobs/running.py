"""Runs one claimed job: its context, its heartbeat, and what becomes of it in the end."""

import errno
import json
import logging
import math
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.utils.translation import gettext as _

from core.errors import DomainError
from core.requests import bind_request_id
from jobs import ending
from jobs.claiming import Lease, claim, fenced, write_progress
from jobs.directories import attempt_directory, clear, home_of, log_of, prepare, shared_directory
from jobs.failures import JobCancelled, JobFailed, JobRetry, LeaseLost, WorkerStopping
from jobs.models import Job
from jobs.pulse import Pulse
from jobs.registry import handler_for, kinds_for
from jobs.wording import storable

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_PROGRESS = 0.5


class JobContext:
    """What a handler may use. `on_hung` is called when a callback neither returns nor can be stopped."""

    def __init__(self, job: Job, *, pulse: Pulse, on_hung: Callable[[], None] | None = None) -> None:
        self.job = job
        self.payload: dict[str, Any] = job.payload
        self.lease = Lease.of(job)
        self.pulse = pulse
        self.on_hung = on_hung
        self.home: Path = home_of(job.uid)
        self.directory: Path = attempt_directory(job)
        self.shared: Path = shared_directory(job.uid)
        self.log_file = log_of(job.uid)
        self._progress_at = 0.0

    def log(self, text: str) -> None:
        """Add a line to the job's log file."""
        self.log_file.line(text)

    def cancel_requested(self) -> bool:
        return self.pulse.cancel_requested

    def check_cancelled(self) -> None:
        """Raise JobInterrupted when the handler must stop. Costs no query: call it in every loop."""
        self.pulse.check()

    def progress(self, *, fraction: float, sentence: str = "") -> None:
        """Show how far the job is. Written at most twice a second; also checks whether to stop."""
        self.check_cancelled()
        if time.monotonic() - self._progress_at < SECONDS_BETWEEN_PROGRESS and fraction < 1:
            return
        self._progress_at = time.monotonic()
        check_connection()
        share = min(1.0, max(0.0, fraction)) if math.isfinite(fraction) else 0.0
        write_progress(self.lease, fraction=share, sentence=storable(sentence, longest=300))

    @contextmanager
    def fenced(self) -> Iterator[Job]:
        """A transaction in which the lease holds for certain; raises LeaseLost. All results go in here."""
        check_connection()
        with fenced(self.lease) as job:
            yield job


def check_connection() -> None:
    """Long work outlives a restart of the database: have the connection tested before its next use."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def run_next(*, queue: str, owner: str, on_hung: Callable[[], None] | None = None) -> bool:
    """Claim the best job of a queue and run it to an end; False when there is none for us."""
    taken_at = time.monotonic()
    job = claim(queue=queue, owner=owner, kinds=kinds_for(queue))
    if job is None:
        return False
    bind_request_id(job.request_id)
    logger.info("Job %s (%s) starts, attempt %d.", job.uid, job.kind, job.attempt)
    with Pulse(Lease.of(job), taken_at=taken_at, request_id=job.request_id) as pulse:
        context = JobContext(job, pulse=pulse, on_hung=on_hung)
        _record(context, _run(context))
    bind_request_id("")
    return True


def _run(context: JobContext) -> ending.Ending | None:
    """Run the handler and turn every way it can end into what is to be written; None writes nothing."""
    try:
        return _handle(context)
    except LeaseLost:
        return None
    except JobCancelled:
        return ending.cancel_running
    except WorkerStopping:
        return ending.give_back
    except JobRetry as error:
        return partial(ending.retry, reason=error.reason, hint=error.hint, seconds=error.seconds)
    except JobFailed as error:
        return partial(ending.fail, reason=error.reason, hint=error.hint)
    except DomainError as error:
        return partial(ending.fail, reason=error.message, hint="")
    except (OperationalError, InterfaceError) as error:
        context.log(f"The database failed: {error}")
        return partial(ending.retry, reason=_("The database did not answer."), hint="", seconds=None)
    # The boundary of the process: whatever a handler raises becomes a reason on the row.
    except Exception as error:
        logger.exception("Job %s broke.", context.job.uid)
        context.log(traceback.format_exc())
        return _broken(context, error)


def _handle(context: JobContext) -> ending.Ending:
    prepare(context.job)
    context.log(f"--- attempt {context.job.attempt} of {context.job.max_attempts} ---")
    result = handler_for(context.job.kind).run(context) or {}
    # A result that JSON cannot hold is a mistake of the handler and must be told as one.
    json.dumps(result, allow_nan=False)
    return partial(ending.succeed, result=result)


def _broken(context: JobContext, error: Exception) -> ending.Ending:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        reason = _("The disk is full.")
        hint = _("Free some space where Annotera keeps its data, then start the job again.")
        return partial(ending.fail, reason=reason, hint=hint)
    reason = _("Something broke on our side (request id %(id)s).") % {"id": context.job.request_id or "-"}
    hint = _("The end of this job's log holds the details: send it to whoever runs this installation.")
    return partial(ending.fail, reason=reason, hint=hint)


def _record(context: JobContext, write: ending.Ending | None) -> None:
    """Write the ending. While the database is away, try again for as long as the lease holds."""
    while write is not None:
        try:
            check_connection()
            write(context.lease)
            _tidy(context)
            return
        except LeaseLost:
            return
        except (OperationalError, InterfaceError) as error:
            logger.warning("Job %s: its end could not be written yet: %s", context.job.uid, error)
            if context.pulse.is_lost:
                return
            time.sleep(1)
        except DatabaseError as error:
            # The row refuses the result itself; without this the job would run again and again.
            logger.exception("Job %s: its result cannot be stored.", context.job.uid)
            write = _broken(context, error)


def _tidy(context: JobContext) -> None:
    state = Job.objects.filter(pk=context.job.pk).values_list("state", flat=True).first()
    logger.info("Job %s is %s now.", context.job.uid, state)
    if state == Job.State.SUCCEEDED:
        clear(context.job.uid)
