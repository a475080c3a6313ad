"""Runs an engine child for a job: its lines reach a callback, its end becomes words."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils.translation import gettext as _

from jobs.children import Child, child_environment, end_predecessor, remember
from jobs.exits import failure_for
from jobs.failures import JobCancelled, JobFailed, JobRetry, LeaseLost, WorkerStopping
from jobs.guarding import Guard, Stop
from jobs.running import JobContext

logger = logging.getLogger(__name__)

LONGEST_LINE = 1024 * 1024
NOTE = "engine.json"

OnLine = Callable[[dict[str, Any]], None]


def run_child(
    context: JobContext,
    argv: Sequence[str | Path],
    *,
    on_line: OnLine,
    environment: Mapping[str, str] | None = None,
    threads: int | None = None,
) -> None:
    """Run a program that speaks one JSON object a line, and return when it has ended well.

    Call it on the handler's own thread. `progress` and `failed` objects are dealt with here, the others
    reach `on_line` in order; when the database fails inside it, the same object is handed over again.
    Raises JobInterrupted (let it pass), or JobFailed or JobRetry with words for the person.
    """
    note = context.home / NOTE
    end_predecessor(note)
    child = Child(
        [str(part) for part in argv],
        directory=context.directory,
        environment=child_environment(
            home=context.directory, threads=threads or settings.ENGINE_THREADS, extra=environment or {}
        ),
        log=context.log_file,
    )
    remember(note, child.pid)
    listener = _Listener(context, on_line)
    guard = Guard(child, pulse=context.pulse, on_hung=context.on_hung)
    try:
        with guard:
            listener.listen(child, guard)
            child.wait()
    finally:
        code = child.close()
    _judge(code, context=context, stopped_for=guard.stopped_for, failure=listener.failure)


def _judge(code: int, *, context: JobContext, stopped_for: Stop | None, failure: JobFailed | None) -> None:
    if stopped_for is Stop.LOST or context.pulse.is_lost:
        raise LeaseLost
    if code == 0:
        # It finished although it was asked to stop: what is done is done.
        return
    if stopped_for is Stop.CANCELLED:
        raise JobCancelled
    if stopped_for is Stop.HUNG:
        raise JobRetry(
            _("A step of this job did not return."), _("The end of the log says what it was doing.")
        )
    if stopped_for is not None:
        raise WorkerStopping
    raise failure or failure_for(code, last_line=context.log_file.last_line())


class _Listener:
    """Reads the child's lines until it closes its standard output."""

    def __init__(self, context: JobContext, on_line: OnLine) -> None:
        self.failure: JobFailed | None = None
        self._context = context
        self._on_line = on_line

    def listen(self, child: Child, guard: Guard) -> None:
        while raw := child.read_line(LONGEST_LINE):
            message = self._parse(raw)
            if message is None:
                continue
            guard.callback_begins()
            self._deliver(message)
            guard.callback_ended()

    def _parse(self, raw: bytes) -> dict[str, Any] | None:
        try:
            message = json.loads(raw)
        except ValueError:
            message = None
        if isinstance(message, dict):
            return message
        self._context.log_file.append(raw)
        return None

    def _deliver(self, message: dict[str, Any]) -> None:
        """Hand one object over, again and again while the database is away and the lease holds."""
        while True:
            try:
                self._dispatch(message)
                return
            except (JobCancelled, WorkerStopping):
                # The guard knows as well and gives the child time for a checkpoint: listen on until then.
                return
            except (OperationalError, InterfaceError) as error:
                if self._context.pulse.is_lost:
                    raise LeaseLost from error
                logger.warning("A line of the child could not be stored yet: %s", error)
                close_old_connections()
                time.sleep(1)

    def _dispatch(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == "progress":
            fraction = message.get("fraction")
            share = float(fraction) if isinstance(fraction, int | float) else 0.0
            self._context.progress(fraction=share, sentence=str(message.get("sentence", "")))
        elif kind == "failed":
            reason, hint = str(message.get("reason", "")), str(message.get("hint", ""))
            self.failure = JobFailed(reason, hint)
        else:
            self._on_line(message)
