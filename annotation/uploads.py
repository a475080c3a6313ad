"""Uploaded task files: stored as a blob, examined, confirmed by a person, imported by a job."""

import tempfile
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Membership
from annotation.imports import (
    BYTES_AT_ONCE,
    ROWS_AT_ONCE,
    Examination,
    check_open,
    good_tasks,
)
from annotation.intake import open_lines
from annotation.models import Project, TaskImport
from core.blobs import put_file
from core.errors import Conflict, Invalid, TooLarge
from core.uploads import storable_name
from jobs.launching import enqueue
from jobs.models import Job, Queue

# What a request can examine in about a second; larger files are examined by a job.
EXAMINED_AT_ONCE = BYTES_AT_ONCE


class NotWaiting(Conflict):
    """The import was confirmed or discarded already."""

    code = "not_waiting"


def receive(*, membership: Membership, project: Project, upload: UploadedFile) -> TaskImport:
    """Keep the file and examine it, here when it is small, else by a job."""
    check_open(project)
    if not upload.size:
        raise Invalid(_("The file is empty."), fields={"file": _("The file is empty.")})
    if upload.size > settings.UPLOAD_BYTES:
        limit = settings.UPLOAD_BYTES // 1024 // 1024
        raise TooLarge(_("The file is larger than %(limit)d MiB.") % {"limit": limit})
    batch = TaskImport(
        workspace_id=project.workspace_id,
        project=project,
        state=TaskImport.State.PREVIEW,
        file_name=storable_name(upload.name or ""),
        created_by=membership,
    )
    with tempfile.TemporaryDirectory(prefix="annotera-upload-") as folder:
        path = Path(folder) / "upload"
        with path.open("wb") as target:
            for chunk in upload.chunks():
                target.write(chunk)
        batch.sha256 = put_file(path, workspace=membership.workspace.uid)
        examination = _examined_at_once(path, project)
    if examination:
        note_examination(batch, examination)
    with transaction.atomic():
        if examination is None:
            batch.job = _job("annotation.examine_import", batch, membership)
        batch.save()
    return batch


def _examined_at_once(path: Path, project: Project) -> Examination | None:
    with path.open("rb") as handle:
        try:
            return _examine(handle, project)
        except TooLarge:
            return None


def _examine(handle: IO[bytes], project: Project) -> Examination:
    examination = Examination()
    lines = open_lines(handle, maximum_bytes=EXAMINED_AT_ONCE, maximum_lines=ROWS_AT_ONCE)
    for _task in good_tasks(lines, project=project, examination=examination):
        continue
    return examination


def note_examination(batch: TaskImport, examination: Examination) -> None:
    batch.rows = examination.rows
    batch.problems = examination.problems
    batch.problem_count = examination.problem_count
    batch.preview = examination.preview


@transaction.atomic
def confirm(*, membership: Membership, batch: TaskImport, skip_bad: bool) -> TaskImport:
    """Hand the file to the import job. Lines with problems are left out only where the person said so."""
    locked = _locked(batch)
    check_open(locked.project)
    if not is_waiting(locked):
        raise NotWaiting(_("This import was confirmed or discarded already."))
    if locked.problem_count and not skip_bad:
        raise Invalid(
            _("Some lines have problems: mend the file, or choose to leave them out."),
            fields={"skip_bad": _("required")},
        )
    if not locked.rows:
        raise Invalid(_("No line of this file can become a task."), fields={"file": _("empty")})
    locked.state = TaskImport.State.QUEUED
    locked.job = _job("annotation.import_tasks", locked, membership, skip_bad=skip_bad)
    locked.save(update_fields=["state", "job"])
    return locked


def _locked(batch: TaskImport) -> TaskImport:
    # Without joins: after waiting for the lock, a joined job would still be read from before the wait.
    return TaskImport.objects.select_for_update().get(pk=batch.pk)


def is_waiting(batch: TaskImport) -> bool:
    """Waiting for the person: examined and not yet confirmed, or the import job ended without success."""
    job_ended = batch.job is None or batch.job.has_ended
    if batch.state == TaskImport.State.PREVIEW:
        return job_ended and (batch.job is None or batch.job.state == Job.State.SUCCEEDED)
    return batch.state in {TaskImport.State.QUEUED, TaskImport.State.FAILED} and job_ended


@transaction.atomic
def discard(*, batch: TaskImport) -> TaskImport:
    locked = _locked(batch)
    if locked.state == TaskImport.State.DISCARDED:
        return locked
    if locked.state == TaskImport.State.DONE or (
        locked.state == TaskImport.State.QUEUED and not is_waiting(locked)
    ):
        raise NotWaiting(_("This import is running or done: it cannot be discarded."))
    locked.state = TaskImport.State.DISCARDED
    locked.save(update_fields=["state"])
    return locked


def _job(kind: str, batch: TaskImport, membership: Membership, **payload: object) -> Job:
    return enqueue(
        workspace=membership.workspace,
        kind=kind,
        queue=Queue.LIGHT,
        title=_("Tasks from %(name)s") % {"name": batch.file_name or _("a file")},
        payload={"import": str(batch.uid), **payload},
        created_by=membership,
    )
