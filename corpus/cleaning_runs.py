"""Cleaning a source: preview what the steps would do, apply exactly that, take it back.

Nothing is deleted: what a run removed stays with step and reason, what it changed keeps its first text.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import AuditEvent, Membership, Workspace
from core.errors import Conflict, DomainError, Invalid
from corpus.cleaning_plans import plan_of, report_of
from corpus.cleaning_settings import checked_settings
from corpus.cleaning_writing import moved, put_texts_back, write
from corpus.models import CleaningRun, Document, Source
from jobs.launching import enqueue
from jobs.models import Job, Queue
from jobs.side_progress import fence_of, progress_beside

if TYPE_CHECKING:
    from jobs.running import JobContext

JOB_KIND = "corpus.cleaning"


class NothingToClean(Invalid):
    """The source has no document that is kept."""


class NotThisState(Conflict):
    """The run was applied, restored or ended already, or is not done yet."""

    code = "not_this_state"


@transaction.atomic
def preview(
    *, source: Source, by: Membership | None, settings: Mapping[str, object] | None = None
) -> CleaningRun:
    """Queue the job that finds what cleaning would do. Raises Invalid for settings, and NothingToClean."""
    checked = checked_settings(source, settings)
    if not source.documents.filter(state=Document.State.KEPT).exists():
        raise NothingToClean(_("This source has no documents to clean: upload some first."))
    made = CleaningRun(workspace=source.workspace, source=source, settings=checked.as_json(), created_by=by)
    made.job = _job(made, _("Preview the cleaning of %(name)s"), by)
    made.save()
    return made


def _job(cleaning: CleaningRun, title: str, by: Membership | None) -> Job:
    return enqueue(
        workspace=cleaning.workspace,
        kind=JOB_KIND,
        queue=Queue.LIGHT,
        title=title % {"name": cleaning.source.name},
        payload={"run": str(cleaning.uid)},
        created_by=by,
    )


def preview_now(run: CleaningRun, context: "JobContext | None" = None) -> CleaningRun:
    """Find what the steps would do and write the report; a run that is further on is left as it is."""
    run.refresh_from_db()
    if run.state != CleaningRun.State.PREVIEWING:
        return run
    upto = Document.objects.filter(workspace_id=run.workspace_id).aggregate(last=Max("pk"))["last"] or 0
    with _failing(run), progress_beside(context) as tell:
        plan = plan_of(run, upto=upto, tell=tell)
        report = report_of(plan, settings=checked_settings(run.source, run.settings), upto=upto)
        with fence_of(context), transaction.atomic():
            held = _held(run)
            if held.state == CleaningRun.State.PREVIEWING:
                held.state, held.report = CleaningRun.State.PREVIEW, report
                held.save(update_fields=["state", "report"])
    run.refresh_from_db()
    return run


@transaction.atomic
def apply(*, run: CleaningRun, by: Membership | None) -> CleaningRun:
    """Queue the job that does what the preview showed; raises NotThisState."""
    held = _held(run)
    if held.state != CleaningRun.State.PREVIEW:
        raise NotThisState(_("Only a finished preview can be applied, and once."))
    held.state = CleaningRun.State.APPLYING
    held.job = _job(held, _("Clean %(name)s"), by)
    held.save(update_fields=["state", "job"])
    return held


def apply_now(run: CleaningRun, context: "JobContext | None" = None) -> CleaningRun:
    """Decide again, and write all of it in one transaction where the end is the same as in the preview.

    Raises DocumentsMoved, and marks the run as failed, where it is not. Repeating it does nothing.
    """
    run.refresh_from_db()
    if run.state != CleaningRun.State.APPLYING:
        return run
    with _failing(run), progress_beside(context) as tell:
        plan = plan_of(run, upto=run.report["upto"], tell=tell)
        if plan.digest() != run.report["decisions"]:
            raise moved()
        with transaction.atomic():
            held = _held(run)
            if held.state == CleaningRun.State.APPLYING:
                write(held, plan, tell=tell)
                with fence_of(context):
                    _finish(held)
    run.refresh_from_db()
    return run


def _finish(run: CleaningRun) -> None:
    run.state, run.applied_at = CleaningRun.State.APPLIED, timezone.now()
    run.save(update_fields=["state", "applied_at"])
    _audit(AuditEvent.Kind.CLEANED, run, run.job.created_by if run.job else run.created_by)


@transaction.atomic
def restore(*, run: CleaningRun, by: Membership | None) -> CleaningRun:
    """Put back what the run removed and changed, but for what was erased since; raises NotThisState."""
    Workspace.objects.select_for_update(no_key=True).get(pk=run.workspace_id)
    held = _held(run)
    if held.state != CleaningRun.State.APPLIED:
        raise NotThisState(_("Only an applied cleaning can be taken back, and once."))
    held.removed_documents.filter(state=Document.State.REMOVED).update(
        state=Document.State.KEPT, removal=None, removed_by=None
    )
    put_texts_back(held)
    held.state, held.restored_at = CleaningRun.State.RESTORED, timezone.now()
    held.save(update_fields=["state", "restored_at"])
    _audit(AuditEvent.Kind.RESTORED, held, by)
    return held


def _audit(kind: AuditEvent.Kind, run: CleaningRun, by: Membership | None) -> None:
    record(
        kind=kind,
        workspace=run.workspace,
        membership=by,
        object_kind="source",
        object_uid=run.source.uid,
        run=str(run.uid),
        removed=run.report["removed"],
        changed=run.report["changed"],
    )


def _held(run: CleaningRun) -> CleaningRun:
    return (
        CleaningRun.objects.select_for_update(of=("self",))
        .select_related("workspace", "source")
        .get(pk=run.pk)
    )


@contextmanager
def _failing(run: CleaningRun) -> Iterator[None]:
    """A refusal ends the run; whatever else ends the block leaves it to be repeated."""
    try:
        yield
    except DomainError:
        _fail(run)
        raise


def _fail(run: CleaningRun) -> None:
    open_states = [CleaningRun.State.PREVIEWING, CleaningRun.State.APPLYING]
    CleaningRun.objects.filter(pk=run.pk, state__in=open_states).update(state=CleaningRun.State.FAILED)


def fail_abandoned() -> int:
    """Runs whose job was cancelled or used up its attempts go no further; returns how many."""
    open_states = [CleaningRun.State.PREVIEWING, CleaningRun.State.APPLYING]
    ended = CleaningRun.objects.filter(
        state__in=open_states, job__state__in=[Job.State.FAILED, Job.State.CANCELLED]
    )
    return ended.update(state=CleaningRun.State.FAILED)
