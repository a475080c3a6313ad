"""Stores the good rows of a file chunk by chunk, inside the caller's transaction, and counts the others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext as _

from core.errors import Conflict
from corpus import subjects
from corpus.document_copying import copy_documents
from corpus.document_rows import DocumentRow, Reject
from corpus.models import Document, DocumentUpload

CHUNK_ROWS = 1000
CHUNK_CHARACTERS = 8 * 2**20
REJECTS_KEPT = 100
Entry = DocumentRow | Reject


@dataclass
class Tally:
    """What one pass over a file found."""

    documents: int = 0
    reject_count: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    _lines: dict[int, int] = field(default_factory=dict)

    def refuse(self, line: int, reason: str) -> None:
        self.reject_count += 1
        if len(self.rejects) < REJECTS_KEPT:
            self.rejects.append(Reject(line, reason).as_json())

    def first_line_of(self, row: DocumentRow) -> int:
        # Hashes instead of the ids themselves: 64 bits an id, whatever its length.
        return self._lines.setdefault(hash(row.external_id), row.line)


def store(*, upload: DocumentUpload, found: Iterable[Entry]) -> Tally:
    """Copy the good rows inside the caller's transaction; raises Conflict when ids came in meanwhile."""
    tally = Tally()
    erased = subjects.erased_keys(workspace=upload.workspace)
    for chunk in _chunks(found):
        good = list(_good(chunk, upload=upload, erased=erased, tally=tally))
        try:
            copy_documents(upload=upload, documents=good)
        except IntegrityError as error:
            raise Conflict(
                _("Another upload brought documents with the same ids meanwhile; nothing was stored.")
            ) from error
        tally.documents += len(good)
    return tally


def _good(
    chunk: list[Entry], *, upload: DocumentUpload, erased: set[str], tally: Tally
) -> Iterator[tuple[DocumentRow, str | None]]:
    ids = [row.external_id for row in chunk if isinstance(row, DocumentRow) and row.external_id]
    stored = Document.objects.filter(source_id=upload.source_id, external_id__in=ids)
    taken = set(stored.values_list("external_id", flat=True)) if ids else set()
    for row in chunk:
        if isinstance(row, Reject):
            tally.refuse(row.line, row.reason)
        elif row.external_id and tally.first_line_of(row) != row.line:
            tally.refuse(row.line, f"id is the same as in line {tally.first_line_of(row)}")
        elif row.external_id in taken:
            tally.refuse(row.line, "id exists already in this source")
        elif (key := _subject_key(row, upload)) in erased:
            tally.refuse(row.line, "subject was erased on request: nothing of this person may come in again")
        else:
            yield row, key


def _subject_key(row: DocumentRow, upload: DocumentUpload) -> str | None:
    if not row.subject:
        return None
    return subjects.subject_key(workspace=upload.workspace, identifier=row.subject)


def _chunks(found: Iterable[Entry]) -> Iterator[list[Entry]]:
    """So many rows at a time, or fewer where they are long: memory stays flat."""
    chunk: list[Entry] = []
    characters = 0
    for entry in found:
        chunk.append(entry)
        characters += len(entry.text) if isinstance(entry, DocumentRow) else 0
        if len(chunk) >= CHUNK_ROWS or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk
