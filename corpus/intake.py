"""Documents come in for a described source: as a file that a job reads, or a few at once.

All good rows of an upload are stored in one transaction; what was refused is listed by line. The uploaded
file itself is dropped once it was read: what it held of a person could not be found again in it.
"""

import io
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import AuditEvent, Membership
from core import blobs
from core.errors import DomainError, Invalid, TooLarge
from core.uploads import storable_name, unpacked_limit
from corpus.document_files import check_file, format_of, json_rows, rows
from corpus.document_rows import DocumentRow, Reject
from corpus.document_storing import Tally, store
from corpus.models import DocumentUpload, Source
from corpus.packed_files import opened
from corpus.sources import check_takes_documents
from jobs.launching import enqueue
from jobs.models import Job, Queue
from jobs.side_progress import Tell, fence_of, progress_beside

if TYPE_CHECKING:
    from jobs.running import JobContext

JOB_KIND = "corpus.intake"
BYTES_AT_ONCE = 10 * 1000 * 1000
ROWS_BETWEEN_PROGRESS = 1000


class DocumentsRefused(Invalid):
    """Some lines of a request cannot become documents, so none did; `fields` names them."""

    code = "documents_refused"


def receive_documents(
    *, source: Source, by: Membership | None, upload: UploadedFile | Path, file_name: str
) -> DocumentUpload:
    """Keep a file of documents and queue the job that reads it.

    Raises SourceUndescribed, SourceExpired, TooLarge, and FileUnreadable for what is plainly no such file.
    """
    check_takes_documents(source)
    kind = format_of(file_name)
    made = DocumentUpload(
        workspace=source.workspace,
        source=source,
        file_name=storable_name(file_name),
        format=kind,
        created_by=by,
    )
    with _work_folder("documents-") as folder:
        path = _on_disk(upload, folder / "upload")
        check_file(path, kind=kind, most_bytes=unpacked_limit())
        made.sha256 = blobs.put_file(path, workspace=made.uid)
    with ExitStack() as undo:
        # Without its row nobody would find the file again.
        undo.callback(blobs.delete, made.sha256, workspace=made.uid)
        _queue(made)
        undo.pop_all()
    return made


@contextmanager
def _work_folder(prefix: str) -> Iterator[Path]:
    """In the work directory, where an erasure finds what a killed process left."""
    Path(settings.WORK_ROOT).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=settings.WORK_ROOT) as folder:
        yield Path(folder)


@transaction.atomic
def _queue(upload: DocumentUpload) -> None:
    upload.job = enqueue(
        workspace=upload.workspace,
        kind=JOB_KIND,
        queue=Queue.LIGHT,
        title=_("Documents from %(name)s") % {"name": upload.file_name},
        payload={"upload": str(upload.uid)},
        created_by=upload.created_by,
    )
    upload.save()


def _on_disk(upload: UploadedFile | Path, target: Path) -> Path:
    size = upload.stat().st_size if isinstance(upload, Path) else upload.size
    if not size:
        raise Invalid(_("The file is empty."), fields={"file": _("The file is empty.")})
    if size > settings.UPLOAD_BYTES:
        limit = settings.UPLOAD_BYTES // 1024 // 1024
        message = _("The file is larger than %(limit)d MiB: split it, or compress it with gzip.")
        raise TooLarge(message % {"limit": limit}, fields={"file": message % {"limit": limit}})
    if isinstance(upload, Path):
        return upload
    with target.open("wb") as handle:
        for chunk in upload.chunks():
            handle.write(chunk)
    return target


def read_now(*, upload: DocumentUpload, context: "JobContext | None" = None) -> DocumentUpload:
    """Read an upload's file and store its documents; what was read before is left as it is.

    A refused file marks the upload as failed and raises the refusal. Whatever else ends the reading leaves
    nothing behind, so that it can be repeated.
    """
    if upload.state == DocumentUpload.State.QUEUED:
        try:
            with _work_folder("intake-") as folder:
                _read_file(upload, folder, context)
        except blobs.BlobMissing:
            # Another reader was faster: it drops the file after its commit.
            upload.refresh_from_db()
            if upload.state == DocumentUpload.State.QUEUED:
                raise
        except DomainError:
            fail(upload)
            raise
    upload.refresh_from_db()
    _drop_file(upload)
    return upload


def _read_file(upload: DocumentUpload, folder: Path, context: "JobContext | None") -> None:
    path = blobs.fetch_file(upload.sha256, workspace=upload.uid, target=folder / "documents")
    size = max(1, path.stat().st_size)
    with path.open("rb") as handle, progress_beside(context) as tell, transaction.atomic():
        held = DocumentUpload.objects.select_for_update(of=("self",)).get(pk=upload.pk)
        if held.state != DocumentUpload.State.QUEUED:
            return
        # The retention may have ended, or been shortened, while the upload waited.
        check_takes_documents(held.source)
        found = rows(opened(handle, most_bytes=unpacked_limit()), kind=upload.format)
        tally = store(upload=upload, found=_watched(found, handle, size, tell))
        # The lease is checked last and held until the commit: a worker that was given up writes nothing.
        with fence_of(context):
            _finish(upload, tally)


def _watched(
    found: Iterator[DocumentRow | Reject], handle: io.BufferedReader, size: int, tell: Tell
) -> Iterator[DocumentRow | Reject]:
    for number, entry in enumerate(found, start=1):
        if number % ROWS_BETWEEN_PROGRESS == 0:
            tell(
                fraction=min(0.99, handle.tell() / size),
                sentence=_("%(count)d rows read") % {"count": number},
            )
        yield entry


def receive_at_once(*, source: Source, by: Membership | None, body: bytes) -> DocumentUpload:
    """Store JSON lines in one transaction, all of them or none.

    Raises TooLarge beyond 10 MB, DocumentsRefused when any line has a problem, and what a source may raise.
    """
    check_takes_documents(source)
    if len(body) > BYTES_AT_ONCE:
        raise too_much_at_once()
    with transaction.atomic():
        made = DocumentUpload.objects.create(
            workspace=source.workspace, source=source, format="jsonl", created_by=by
        )
        tally = store(upload=made, found=json_rows(io.BytesIO(body)))
        if tally.reject_count:
            message = _("%(count)d lines cannot become documents; nothing was stored.")
            fields = {f"line {reject['line']}": reject["reason"] for reject in tally.rejects}
            raise DocumentsRefused(message % {"count": tally.reject_count}, fields=fields)
        if not tally.documents:
            raise Invalid(_("There is no document in the request."), fields={"body": _("empty")})
        _finish(made, tally)
    return made


def too_much_at_once() -> TooLarge:
    return TooLarge(_("At most 10 MB in one request. Upload a larger file on the source's page."))


def _finish(upload: DocumentUpload, tally: Tally) -> None:
    upload.state = DocumentUpload.State.DONE
    upload.documents, upload.reject_count, upload.rejects = (
        tally.documents, tally.reject_count, tally.rejects,
    )  # fmt: skip
    upload.save(update_fields=["state", "documents", "reject_count", "rejects"])
    record(
        kind=AuditEvent.Kind.IMPORTED,
        workspace=upload.workspace,
        membership=upload.created_by,
        object_kind="source",
        object_uid=upload.source.uid,
        documents=tally.documents,
        rejects=tally.reject_count,
        file_name=upload.file_name,
        sha256=upload.sha256,
    )


def fail(upload: DocumentUpload) -> None:
    """The file will not be read any more: mark it so and drop it."""
    DocumentUpload.objects.filter(pk=upload.pk, state=DocumentUpload.State.QUEUED).update(
        state=DocumentUpload.State.FAILED
    )
    upload.refresh_from_db()
    _drop_file(upload)


def _drop_file(upload: DocumentUpload) -> None:
    """Each upload has a blob space of its own, so nothing else can stand for the same file."""
    if upload.state == DocumentUpload.State.QUEUED or not upload.sha256:
        return
    blobs.delete(upload.sha256, workspace=upload.uid)
    DocumentUpload.objects.filter(pk=upload.pk).update(sha256="")
    upload.sha256 = ""


def fail_abandoned() -> int:
    """Uploads whose job was cancelled or used up its attempts are not read any more; returns how many."""
    waiting = DocumentUpload.objects.filter(state=DocumentUpload.State.QUEUED)
    ended = waiting.filter(job__state__in=[Job.State.FAILED, Job.State.CANCELLED])
    abandoned = list(ended[:100])
    for upload in abandoned:
        fail(upload)
    return len(abandoned)
