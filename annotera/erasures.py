"""Erasing a data subject: texts go from the tables, rows from frozen versions; a report tells the reach.

The request is a row and a job. The row is the tombstone too: from then on nothing of the person comes in.
The work finds everything by the person's key, in an order that no crash can spoil, and may run many times.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEvent, Membership, Workspace
from annotera.erased_files import erase_copies, erase_task_files
from annotera.erased_texts import Subject, counted, erase_texts
from annotera.reach import Reach, forget_samples, reach_of
from core.errors import Invalid
from core.text import is_one_line
from corpus.erasing import Search, erase_from_versions, versions_with
from corpus.models import DatasetVersion, Erasure
from corpus.subjects import subject_key, wait_for_writers
from jobs.failures import JobRetry
from jobs.launching import JobEnded, enqueue
from jobs.models import Job, Queue
from jobs.running import JobContext
from training.models import TrainingRun
from training.runs import cancel_run

JOB_KIND = "annotera.erasure"
LONGEST_REASON = 300
ATTEMPTS = 10
SECONDS_BETWEEN_LOOKS = 20


class BadReason(Invalid):
    """The reason is not one line of text."""


def request_erasure(*, workspace: Workspace, by: Membership, identifier: str, reason: str = "") -> Erasure:
    """Record that a person asked for erasure, and queue the work. Asking again runs it again.

    Only the key of the person is kept. Raises BadIdentifier and BadReason.
    """
    key = subject_key(workspace=workspace, identifier=identifier)
    reason = _checked_reason(reason)
    with transaction.atomic():
        erasure, is_new = Erasure.objects.get_or_create(
            workspace=workspace, subject_key=key, defaults={"reason": reason, "requested_by": by}
        )
        erasure = Erasure.objects.select_for_update().get(pk=erasure.pk)
        if is_new or _has_ended(erasure):
            _queue(erasure, by=by)
            _record(erasure, by=by, step="requested")
    return erasure


def _checked_reason(reason: str) -> str:
    reason = reason.strip()
    if len(reason) <= LONGEST_REASON and is_one_line(reason):
        return reason
    message = _("The reason is one line of at most %(most)d characters.") % {"most": LONGEST_REASON}
    raise BadReason(message, fields={"reason": message})


def _has_ended(erasure: Erasure) -> bool:
    if erasure.state != Erasure.State.QUEUED or erasure.job_id is None:
        return True
    return Job.objects.filter(pk=erasure.job_id, state__in=Job.ENDED).exists()


def _queue(erasure: Erasure, *, by: Membership) -> None:
    erasure.state = Erasure.State.QUEUED
    erasure.job = enqueue(
        workspace=erasure.workspace,
        kind=JOB_KIND,
        queue=Queue.LIGHT,
        title=_("Erase a person's data"),
        payload={"erasure": str(erasure.uid)},
        created_by=by,
        max_attempts=ATTEMPTS,
    )
    erasure.save(update_fields=["state", "job"])


def _record(erasure: Erasure, *, by: Membership | None, **detail: Any) -> None:
    audit.record(
        kind=AuditEvent.Kind.ERASED,
        workspace=erasure.workspace,
        membership=by,
        object_kind="erasure",
        object_uid=erasure.uid,
        **detail,
    )


def erase_now(erasure: Erasure, context: JobContext | None = None) -> Erasure:
    """Do the work of a request; it may have been done before, wholly or in part.

    Until no run reads the person's rows any more, the erasure stays queued; under a job JobRetry is raised.
    """
    pause: Callable[[], object] = context.check_cancelled if context else _never
    subject = Subject(workspace=erasure.workspace, key=erasure.subject_key, pause=pause)
    wait_for_writers(workspace=erasure.workspace, check_cancelled=pause)
    _say(context, 0.1, _("Looking through the frozen versions"))
    search = Search(workspace=erasure.workspace, keys=[erasure.subject_key], check_cancelled=pause)
    _note_versions(erasure, search)
    _say(context, 0.3, _("Erasing texts"))
    erase_texts(subject)
    erase_task_files(subject)
    _say(context, 0.5, _("Writing successors of the frozen versions"))
    erase_from_versions(search, by=erasure.requested_by, before_each=partial(_note_version, erasure))
    _say(context, 0.8, _("Stopping runs on these versions"))
    running = _stop_runs(erasure)
    forget_samples(workspace=erasure.workspace, versions=_versions(erasure))
    erase_copies(subject)
    if running:
        return _wait_for_runs(erasure, context)
    return _finish(erasure, subject, context)


def _never() -> None:
    return None


def _say(context: JobContext | None, fraction: float, sentence: str) -> None:
    if context:
        context.progress(fraction=fraction, sentence=sentence)


def _note_versions(erasure: Erasure, search: Search) -> None:
    """Before anything is rewritten: afterwards nothing tells which versions held the person's rows."""
    for version, rows in versions_with(search):
        _note_version(erasure, version, rows)


def _note_version(erasure: Erasure, version: DatasetVersion, rows: int) -> None:
    with transaction.atomic():
        locked = Erasure.objects.select_for_update().get(pk=erasure.pk)
        noted = locked.report.get("rows_by_version", {})
        locked.report = locked.report | {"rows_by_version": {str(version.uid): rows} | noted}
        locked.save(update_fields=["report"])
    erasure.report = locked.report


def _versions(erasure: Erasure) -> list[UUID]:
    return [UUID(uid) for uid in erasure.report.get("rows_by_version", {})]


def _stop_runs(erasure: Erasure) -> bool:
    """Cancel the runs that read a redacted version; True while one has not ended yet."""
    reading = TrainingRun.objects.filter(
        workspace=erasure.workspace, dataset_version__uid__in=_versions(erasure)
    ).exclude(job__state__in=Job.ENDED)
    for run in reading.select_related("job", "workspace"):
        if run.job.cancel_requested_at is None and erasure.requested_by:
            _cancel(run, by=erasure.requested_by)
    return reading.exists()


def _cancel(run: TrainingRun, *, by: Membership) -> None:
    try:
        cancel_run(run=run, by=by)
    except JobEnded:
        return


def _wait_for_runs(erasure: Erasure, context: JobContext | None) -> Erasure:
    if context:
        raise JobRetry(
            _("A run still reads a version with this person's rows; it was told to stop."),
            hint=_("See the list of jobs: the training worker may be down."),
            seconds=SECONDS_BETWEEN_LOOKS,
        )
    return erasure


def _finish(erasure: Erasure, subject: Subject, context: JobContext | None) -> Erasure:
    reach = reach_of(workspace=erasure.workspace, versions=_versions(erasure)).as_json()
    report = erasure.report | counted(subject) | reach
    with context.fenced() if context else transaction.atomic():
        _write(erasure, report)
    return erasure


def _write(erasure: Erasure, report: dict[str, Any]) -> None:
    erasure.report, erasure.state, erasure.done_at = report, Erasure.State.DONE, timezone.now()
    erasure.save(update_fields=["report", "state", "done_at"])
    counts = {name: value for name, value in report.items() if isinstance(value, int)}
    _record(
        erasure,
        by=erasure.requested_by,
        step="done",
        **counts,
        versions=len(report["versions"]),
        runs=len(report["runs"]),
        models=len(report["models"]),
    )


@dataclass(frozen=True)
class ShownState:
    """`name` colours the badge; the words are for a person."""

    name: str
    words: str


def shown_state(erasure: Erasure) -> ShownState:
    """The job's state while there is work: a job that failed leaves the erasure undone."""
    if erasure.state != Erasure.State.QUEUED or erasure.job is None:
        return ShownState(erasure.state, erasure.get_state_display())
    if erasure.job.has_ended:
        return ShownState(Erasure.State.FAILED.value, _("failed"))
    return ShownState(erasure.job.state, erasure.job.get_state_display())


def live_reach(erasure: Erasure) -> Reach:
    """What the person's rows reached by now: a run that was going on may have made a model since."""
    return reach_of(workspace=erasure.workspace, versions=_versions(erasure))
