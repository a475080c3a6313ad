"""What differs between two versions, row by row: by id, then by content and side of the split.

Files that both versions share are not read. Of each row of the others two hashes are held, no text; a second
reading fetches the samples.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet
from django.utils.translation import gettext as _

from core import blobs
from core.errors import Invalid, TooLarge
from corpus.models import DatasetVersion
from corpus.redactions import erasure_told
from corpus.shards import GROUP_ROWS

MOST_ROWS = 200_000
MOST_SAMPLES = 100
# The hash of a row's id, and that of the whole row.
Hashes = dict[int, int]


class NotComparable(Invalid):
    """The versions hold different kinds of rows, or they are the same one."""


class TooMuchToCompare(TooLarge):
    """More rows differ by file than are compared in one request."""


@dataclass(frozen=True)
class DiffRow:
    """`row` is as it stands in the newer version, or in the older one where it was removed."""

    split: str
    row: dict[str, Any]


@dataclass
class Diff:
    """`changed` rows kept their id, but not their content or their side of the split."""

    older: DatasetVersion
    newer: DatasetVersion
    added: int = 0
    removed: int = 0
    changed: int = 0
    unchanged: int = 0
    erased: int = 0
    added_rows: list[DiffRow] = field(default_factory=list)
    removed_rows: list[DiffRow] = field(default_factory=list)
    changed_rows: list[DiffRow] = field(default_factory=list)
    # The changed rows as they stand in the older version, in any order.
    changed_before: list[DiffRow] = field(default_factory=list)


def diff(*, older: DatasetVersion, newer: DatasetVersion, limit: int = 50) -> Diff:
    """Counts and the first `limit` rows of each change.

    Between a redacted version and what is left of it, the counts come from the manifests: the erased rows are
    gone. Raises NotComparable, TooMuchToCompare, and RowsErased where a file to be read was erased.
    """
    if older.pk == newer.pk:
        raise NotComparable(_("Choose another version to compare with."))
    if older.manifest["kind"] != newer.manifest["kind"]:
        raise NotComparable(_("These versions hold different kinds of rows: there is nothing to compare."))
    erased = _erased_between(older, newer)
    if erased is not None:
        left = newer.train_rows + newer.heldout_rows
        return Diff(older=older, newer=newer, removed=erased, erased=erased, unchanged=left)
    return _compared(older, newer, limit=min(limit, MOST_SAMPLES))


def _erased_between(older: DatasetVersion, newer: DatasetVersion) -> int | None:
    """How many rows were erased on the way from one to the other; None where one did not become the other."""
    erased, version = 0, older
    while version.redacted_at and version.successor:
        version = version.successor
        erased += sum(version.manifest["policy"]["redaction"]["rows"].values())
        if version.pk == newer.pk:
            return erased
    return None


def _compared(older: DatasetVersion, newer: DatasetVersion, *, limit: int) -> Diff:
    shared = {_key(file) for file in older.manifest["files"]}
    shared &= {_key(file) for file in newer.manifest["files"]}
    old_files, new_files = _own_files(older, shared), _own_files(newer, shared)
    if sum(file["rows"] for file in old_files + new_files) > MOST_ROWS:
        raise TooMuchToCompare(
            _("The versions do not share the files of more than %(most)d rows: too many for one request.")
            % {"most": MOST_ROWS}
        )
    old, new = _hashes(older, old_files), _hashes(newer, new_files)
    gone, fresh = old.keys() - new.keys(), new.keys() - old.keys()
    differing = {identity for identity in new.keys() & old.keys() if new[identity] != old[identity]}
    changed_rows = _samples(newer, new_files, differing, limit)
    shown = {_hash(found.row["id"]) for found in changed_rows}
    kept = sum(file["rows"] for file in newer.manifest["files"] if _key(file) in shared)
    return Diff(
        older=older,
        newer=newer,
        added=len(fresh),
        removed=len(gone),
        changed=len(differing),
        unchanged=kept + len(new) - len(fresh) - len(differing),
        added_rows=_samples(newer, new_files, fresh, limit),
        removed_rows=_samples(older, old_files, gone, limit),
        changed_rows=changed_rows,
        changed_before=_samples(older, old_files, shown, limit),
    )


def _key(file: dict[str, Any]) -> tuple[str, str]:
    return file["split"], file["sha256"]


def _own_files(version: DatasetVersion, shared: set[tuple[str, str]]) -> list[dict[str, Any]]:
    return [file for file in version.manifest["files"] if _key(file) not in shared]


def _rows(version: DatasetVersion, files: list[dict[str, Any]]) -> Iterator[DiffRow]:
    for file in files:
        with erasure_told(version), blobs.opened(file["sha256"], workspace=version.workspace.uid) as handle:
            for batch in pyarrow.parquet.ParquetFile(handle).iter_batches(batch_size=GROUP_ROWS):
                for row in batch.to_pylist():
                    yield DiffRow(split=file["split"], row=row)


def _hashes(version: DatasetVersion, files: list[dict[str, Any]]) -> Hashes:
    return {_hash(found.row["id"]): _hash([found.split, found.row]) for found in _rows(version, files)}


def _hash(value: object) -> int:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def _samples(
    version: DatasetVersion, files: list[dict[str, Any]], wanted: set[int], limit: int
) -> list[DiffRow]:
    found: list[DiffRow] = []
    if not wanted or not limit:
        return found
    for entry in _rows(version, files):
        if _hash(entry.row["id"]) in wanted:
            found.append(entry)
        if len(found) == min(limit, len(wanted)):
            break
    return found
