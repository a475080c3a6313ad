"""Writes documents with COPY, inside the caller's transaction."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.db import connection

from core.ids import uuid7
from corpus import personal_data
from corpus.cleaning.normalising import normalised_sha256
from corpus.document_rows import DocumentRow
from corpus.models import DocumentUpload, Source

COLUMNS = (
    "uid", "workspace_id", "source_id", "upload_id", "external_id", "text", "lang", "characters", "sha256",
    "normalised_sha256", "findings", "subject_key", "state", "created_at",
)  # fmt: skip
COPY = f"COPY corpus_document ({', '.join(COLUMNS)}) FROM STDIN"


def copy_documents(*, upload: DocumentUpload, documents: Sequence[tuple[DocumentRow, str | None]]) -> None:
    """Each document with the key of its subject, masked where the source says so."""
    # Before the COPY: while it lasts, the connection answers no query.
    values = [(*_values(upload, row), subject_key) for row, subject_key in documents]
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        now = cursor.fetchone()[0]
        # COPY goes past Django's cursor: without this its errors would be psycopg's own.
        with connection.wrap_database_errors, cursor.copy(COPY) as copy:
            for line in values:
                copy.write_row((*line, "kept", now))


def _values(upload: DocumentUpload, row: DocumentRow) -> tuple[Any, ...]:
    findings = personal_data.find(row.text, lang=row.lang)
    is_masked = upload.source.personal_data == Source.PersonalData.MASK
    text = personal_data.masked(row.text, findings) if is_masked else row.text
    return (
        uuid7(),
        upload.workspace_id,
        upload.source_id,
        upload.pk,
        row.external_id,
        text,
        row.lang,
        len(text),
        hashlib.sha256(row.text.encode("utf-8")).hexdigest(),
        normalised_sha256(text),
        json.dumps(personal_data.counts(findings)),
    )
