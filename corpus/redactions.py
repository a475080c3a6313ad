"""Redacted versions: what was erased from them is gone, and the successor holds what is left."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.utils.translation import gettext as _

from accounts.models import Workspace
from core import blobs
from core.errors import DomainError
from corpus.models import DatasetVersion


class ErasedFileKept(blobs.BlobCorrupt):
    """A file whose rows were erased is still in the blob store: the erasure has to be run again."""


class RowsErased(DomainError):
    """The rows lay in a file that went when a person's data was erased; the successor has the others."""

    status = 410
    code = "gone"

    def __init__(self, version: DatasetVersion) -> None:
        self.version, self.left = version, last_successor(version)
        message = _("These rows of %(name)s are gone: a person's data was erased from it.")
        if self.left:
            message += " " + _("What is left is in %(left)s (%(uid)s).")
        names = {"name": str(version), "left": str(self.left), "uid": self.left.uid if self.left else ""}
        super().__init__(message % names)


def last_successor(version: DatasetVersion) -> DatasetVersion | None:
    """The version that holds what is left of a redacted one; None where nothing is."""
    last = version
    while last.redacted_at and last.successor:
        last = last.successor
    return None if last.redacted_at or last == version else last


@contextmanager
def erasure_told(version: DatasetVersion) -> Iterator[None]:
    """A file that is missing because of an erasure is no damage; the version may be redacted by now."""
    try:
        yield
    except blobs.BlobMissing as error:
        version.refresh_from_db(fields=["redacted_at", "successor"])
        if version.redacted_at:
            raise RowsErased(version) from error
        raise


LIVE_FILES = """
SELECT DISTINCT file ->> 'sha256' FROM corpus_datasetversion,
    jsonb_array_elements(manifest -> 'files') AS file
WHERE workspace_id = %s AND redacted_at IS NULL
"""


def live_files(workspace: Workspace) -> set[str]:
    """The hashes of the files that a version of the workspace still stands for."""
    with connection.cursor() as cursor:
        cursor.execute(LIVE_FILES, [workspace.pk])
        return {sha256 for (sha256,) in cursor.fetchall()}
