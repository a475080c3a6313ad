"""Erasing the rows of a person from frozen versions: successors without them, and the old files deleted.

A version is redacted, never changed: it keeps its id, its manifest and its hash, and names the successor that
holds what is left. Everything here may run twice, and go on after a crash at any point.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.compute
import pyarrow.parquet
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEvent, Membership, Workspace
from core import blobs
from corpus import lineage, manifests, redactions, subjects, versions
from corpus.models import DatasetVersion, VersionTag
from corpus.shards import parquet_writer

File = dict[str, Any]


@dataclass
class Search:
    """Which files hold rows of the people with these keys; each file is read once, only its key column."""

    workspace: Workspace
    keys: Collection[str]
    check_cancelled: Callable[[], object] = lambda: None
    rows_in: dict[str, int] = field(default_factory=dict)

    def rows_of(self, version: DatasetVersion) -> int:
        """How many rows of theirs a version holds, in files that still exist."""
        return sum(self.rows_in_file(file["sha256"]) for file in version.manifest["files"])

    def rows_in_file(self, sha256: str) -> int:
        if sha256 not in self.rows_in:
            self.check_cancelled()
            self.rows_in[sha256] = self._counted(sha256)
        return self.rows_in[sha256]

    def _counted(self, sha256: str) -> int:
        if not blobs.exists(workspace=self.workspace.uid, sha256=sha256):
            return 0
        with blobs.opened(sha256, workspace=self.workspace.uid) as handle:
            try:
                return self._counted_in(pyarrow.parquet.ParquetFile(handle))
            except pyarrow.ArrowInvalid as error:
                raise blobs.BlobCorrupt(f"The stored file {sha256[:12]} is no Parquet: {error}") from error

    def _counted_in(self, file: pyarrow.parquet.ParquetFile) -> int:
        if "subject_key" not in file.schema_arrow.names:
            return 0
        groups = (file.read_row_group(group, columns=["subject_key"]) for group in range(file.num_row_groups))
        return sum(pyarrow.compute.sum(_are_theirs(group, self.keys)).as_py() or 0 for group in groups)


def _are_theirs(table: pyarrow.Table, keys: Collection[str]) -> Any:
    theirs = pyarrow.array(sorted(keys), type=pyarrow.string())
    return pyarrow.compute.is_in(table.column("subject_key"), value_set=theirs)


def versions_with(search: Search) -> Iterator[tuple[DatasetVersion, int]]:
    """Every version that holds rows of theirs, redacted ones with a file in common too."""
    found = DatasetVersion.objects.filter(workspace=search.workspace).select_related("dataset", "workspace")
    for version in found.order_by("id").iterator(chunk_size=50):
        rows = search.rows_of(version)
        if rows:
            yield version, rows


def erase_from_versions(
    search: Search,
    *,
    by: Membership | None = None,
    before_each: Callable[[DatasetVersion, int], object] = lambda version, rows: None,
) -> None:
    """Redact every version that holds rows of theirs, then delete the files that nothing needs any more.

    Another erasure may make new successors at the same time, so it looks again until there is nothing.
    """
    while True:
        held = [(version, rows) for version, rows in versions_with(search) if not version.redacted_at]
        for version, rows in held:
            before_each(version, rows)
            rewrite_without(version=version, keys=search.keys, by=by)
        if not held:
            break
    delete_lost_files(search.workspace)
    delete_stray_files(search)


def rewrite_without(
    *, version: DatasetVersion, keys: Collection[str], by: Membership | None = None
) -> DatasetVersion | None:
    """The successor of a version without the rows of these people; files without such rows are taken over.

    None where the version has no such row or is redacted already, and where nothing is left: then it is
    redacted without a successor.
    """
    with _workspace_of_rewriting() as directory:
        search = Search(workspace=version.workspace, keys=keys)
        rewriting = Rewriting(version=version, search=search, directory=directory)
        files = [rewriting.file(file) for file in version.manifest["files"]]
        if not rewriting.lost:
            return None
        kept = [file for file in files if file["rows"]]
        successor = _redact(version, manifest=rewriting.manifest(kept), by=by)
        if successor is None:
            _drop_unneeded(version, kept)
        return successor


def _drop_unneeded(version: DatasetVersion, files: list[File]) -> None:
    """Another erasure was faster: what was written here in vain still holds the rows of its person."""
    workspace = version.workspace
    needed = redactions.live_files(workspace) | {file["sha256"] for file in version.manifest["files"]}
    search = Search(workspace=workspace, keys=subjects.erased_keys(workspace=workspace))
    for sha256 in {file["sha256"] for file in files} - needed:
        if search.rows_in_file(sha256):
            blobs.delete(sha256, workspace=workspace.uid)


@contextmanager
def _workspace_of_rewriting() -> Iterator[Path]:
    Path(settings.WORK_ROOT).mkdir(parents=True, exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="erase-", dir=settings.WORK_ROOT))
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


@dataclass
class Rewriting:
    """One pass over a version's files; counts what is lost on the way."""

    version: DatasetVersion
    search: Search
    directory: Path
    lost: Counter[str] = field(default_factory=Counter)
    lost_counts: Counter[str] = field(default_factory=Counter)
    _annotations: set[str] = field(default_factory=set)

    def file(self, file: File) -> File:
        """The manifest's entry of the file without their rows; the file itself where it holds none."""
        if not self.search.rows_in_file(file["sha256"]):
            return file
        workspace = self.version.workspace.uid
        path = self.directory / file["name"]
        with blobs.opened(file["sha256"], workspace=workspace) as handle:
            rows = self._copy(pyarrow.parquet.ParquetFile(handle), path, split=file["split"])
        if not rows:
            return {**file, "rows": 0}
        size = path.stat().st_size
        return {**file, "rows": rows, "bytes": size, "sha256": blobs.put_file(path, workspace=workspace)}

    def _copy(self, source: pyarrow.parquet.ParquetFile, path: Path, *, split: str) -> int:
        rows = 0
        with parquet_writer(path, source.schema_arrow) as target:
            for number in range(source.num_row_groups):
                group = source.read_row_group(number)
                theirs = _are_theirs(group, self.search.keys)
                self._note(group.filter(theirs), split)
                left = group.filter(pyarrow.compute.invert(theirs))
                rows += left.num_rows
                if left.num_rows:
                    target.write_table(left, row_group_size=left.num_rows)
        return rows

    def _note(self, lost: pyarrow.Table, split: str) -> None:
        self.lost[split] += lost.num_rows
        self.lost = +self.lost
        names = set(lost.column_names)
        if "annotation" in names:
            self._annotations |= {uid for uid in lost.column("annotation").to_pylist() if uid}
        if self.version.dataset.kind == "corpus":
            for source in lost.column("source").to_pylist():
                self.lost_counts[f"source:{source}"] += 1

    def manifest(self, files: list[File]) -> manifests.Manifest:
        """The old manifest with the files, rows and counts that are left; it names what it redacts."""
        old = self.version.manifest
        rows = {split: old["rows"][split] - self.lost[split] for split in old["rows"]}
        redaction = {"of": self.version.sha256, "rows": dict(self.lost)}
        return {
            **old,
            "rows": rows,
            "files": files,
            "counts": self._counts(old["counts"]),
            "policy": {**old["policy"], "redaction": redaction},
        }

    def _counts(self, old: dict[str, int]) -> dict[str, int]:
        lost = Counter(self.lost_counts)
        for name in ("pairs", "rows", "documents", "prompts", "demonstrations", "labels"):
            lost[name] = self.lost.total()
        lost["annotations"] = len(self._annotations)
        left = {name: max(0, value - lost[name]) for name, value in old.items()}
        return left | {"erased": old.get("erased", 0) + self.lost.total()}


@transaction.atomic
def _redact(
    version: DatasetVersion, *, manifest: manifests.Manifest, by: Membership | None
) -> DatasetVersion | None:
    """Successor, redaction, tags and audit stand or fall together."""
    held = DatasetVersion.objects.select_for_update().get(pk=version.pk)
    if held.redacted_at:
        return None
    successor = _successor(version, manifest=manifest, by=by) if manifest["files"] else None
    held.redacted_at, held.successor = timezone.now(), successor
    held.save(update_fields=["redacted_at", "successor"])
    if successor:
        VersionTag.objects.filter(version=held).update(version=successor, moved_at=timezone.now())
    audit.record(
        kind=AuditEvent.Kind.ERASED,
        workspace=version.workspace,
        membership=by,
        object_kind="dataset_version",
        object_uid=version.uid,
        name=str(version),
        rows=manifest["policy"]["redaction"]["rows"],
        successor=str(successor.uid) if successor else None,
    )
    return successor


def _successor(
    version: DatasetVersion, *, manifest: manifests.Manifest, by: Membership | None
) -> DatasetVersion:
    successor = versions.record(
        workspace=version.workspace,
        name=version.dataset.name,
        manifest=manifest,
        by=by,
        note=_("What is left of version %(number)d after an erasure.") % {"number": version.number},
    )
    # The successor was made from the same things. No edge leads from the redacted version to it: what is made
    # from the successor holds nothing of the erased person.
    for edge in lineage.parents_of("dataset_version", version.uid):
        lineage.connect(
            workspace=version.workspace,
            child=("dataset_version", successor.uid),
            parent=(edge.parent_kind, edge.parent_uid),
            role=edge.role,
        )
    return successor


def delete_lost_files(workspace: Workspace) -> int:
    """Delete the files of redacted versions that no other version stands for; returns how many there were."""
    live, deleted = redactions.live_files(workspace), 0
    redacted = DatasetVersion.objects.filter(workspace=workspace, redacted_at__isnull=False)
    for manifest in redacted.values_list("manifest", flat=True).iterator(chunk_size=50):
        for file in manifest["files"]:
            if file["sha256"] not in live:
                deleted += blobs.delete(file["sha256"], workspace=workspace.uid)
    return deleted


def delete_stray_files(search: Search) -> None:
    """Delete files with rows of theirs that no version names: a freeze that failed may have left them."""
    named = {
        file["sha256"]
        for manifest in DatasetVersion.objects.filter(workspace=search.workspace)
        .values_list("manifest", flat=True)
        .iterator(chunk_size=50)
        for file in manifest["files"]
    }
    for sha256 in blobs.stored(workspace=search.workspace.uid):
        if sha256 not in named and _holds_theirs(search, sha256):
            blobs.delete(sha256, workspace=search.workspace.uid)


def _holds_theirs(search: Search, sha256: str) -> bool:
    try:
        return bool(search.rows_in_file(sha256))
    except blobs.BlobCorrupt:
        # Models and uploads are no Parquet.
        return False
