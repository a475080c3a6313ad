"""What the workers do for annotation: examine and import large files, end leases that ran out."""

import uuid
from collections.abc import Iterator
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from annotation.imports import Examination, audit_import, good_tasks, refuse_problems, store
from annotation.intake import open_lines
from annotation.kinds import TaskInput
from annotation.leases import expire_leases
from annotation.models import TaskImport
from annotation.uploads import note_examination
from core.blobs import fetch_file
from core.errors import DomainError
from core.uploads import unpacked_limit
from jobs.failures import JobFailed
from jobs.registry import handler
from jobs.running import JobContext
from jobs.side_progress import Tell, progress_beside
from jobs.sweeps import sweep

TASKS_BETWEEN_PROGRESS = 1_000


@handler("annotation.examine_import")
def examine_import(context: JobContext) -> dict[str, object]:
    """Read the whole file once, so that the person sees the problems before anything is written."""
    batch = _batch(context)
    examination = Examination()
    with _fetched(context, batch).open("rb") as handle:
        lines = _watched(context, open_lines(handle, maximum_bytes=unpacked_limit()))
        for _task in good_tasks(lines, project=batch.project, examination=examination):
            continue
    with context.fenced():
        note_examination(batch, examination)
        batch.save(update_fields=["rows", "problems", "problem_count", "preview"])
    return {"rows": examination.rows, "problems": examination.problem_count}


def _watched(context: JobContext, lines: Iterator[bytes]) -> Iterator[bytes]:
    for number, line in enumerate(lines, start=1):
        if number % TASKS_BETWEEN_PROGRESS == 0:
            context.progress(fraction=0.0, sentence=_("%(count)d lines read") % {"count": number})
        yield line


@handler("annotation.import_tasks")
def import_tasks(context: JobContext) -> dict[str, object]:
    """Import the confirmed file in one transaction: whatever happens, all of it is there or nothing."""
    batch = _batch(context)
    if batch.state == TaskImport.State.DONE:
        return {"rows": batch.rows}
    try:
        with _fetched(context, batch).open("rb") as handle, progress_beside(context) as tell:
            _import(context, batch, open_lines(handle, maximum_bytes=unpacked_limit()), tell)
    except DomainError as error:
        TaskImport.objects.filter(pk=batch.pk).update(state=TaskImport.State.FAILED)
        details = "\n".join(f"{name} {reason}" for name, reason in error.fields.items())
        context.log(details)
        raise JobFailed(error.message, hint=_("Mend the file and upload it again.")) from error
    return {"rows": batch.rows}


def _import(context: JobContext, batch: TaskImport, lines: Iterator[bytes], tell: Tell) -> None:
    examination = Examination()
    expected = max(1, batch.rows)
    with transaction.atomic():
        tasks = good_tasks(lines, project=batch.project, examination=examination)
        batch.rows = store(batch=batch, project=batch.project, tasks=_counted(tasks, expected, tell))
        if not context.payload.get("skip_bad"):
            refuse_problems(examination)
        batch.state = TaskImport.State.DONE
        # The lease is checked last and held until the commit: a worker that was given up writes nothing.
        with context.fenced():
            batch.save(update_fields=["rows", "state"])
            if batch.created_by:
                audit_import(membership=batch.created_by, batch=batch)


def _counted(tasks: Iterator[TaskInput], expected: int, tell: Tell) -> Iterator[TaskInput]:
    for number, task in enumerate(tasks, start=1):
        if number % TASKS_BETWEEN_PROGRESS == 0:
            sentence = _("%(count)d of %(expected)d tasks") % {"count": number, "expected": expected}
            tell(fraction=min(0.99, number / expected), sentence=sentence)
        yield task


def _batch(context: JobContext) -> TaskImport:
    found = TaskImport.objects.select_related("project", "created_by__workspace", "workspace")
    batch = found.filter(uid=uuid.UUID(str(context.payload["import"]))).first()
    if batch is None:
        raise JobFailed(_("The import of this job does not exist any more."))
    return batch


def _fetched(context: JobContext, batch: TaskImport) -> Path:
    return fetch_file(batch.sha256, workspace=batch.workspace.uid, target=context.directory / "tasks")


@sweep("leases that ran out", every=15)
def end_leases() -> int | None:
    return expire_leases()
