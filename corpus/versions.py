"""Frozen versions of data sets: content-addressed Parquet under a manifest whose hash names the version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
from django.db import transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import AuditEvent, Membership, Workspace
from core import blobs
from core.errors import Conflict, Invalid
from corpus import lineage, manifests, subjects
from corpus.columns import SCHEMA_VERSION
from corpus.models import Dataset, DatasetVersion
from corpus.redactions import ErasedFileKept, RowsErased, erasure_told, live_files
from corpus.shards import Shard, Written
from corpus.splits import LARGEST_SHARE, METHOD, Split

MOST_ROWS_ON_A_PAGE = 200


class NothingToFreeze(Invalid):
    """There is no row; the message says what to do first."""


class AlreadyFrozen(Conflict):
    """The same content exists as a version already; `version` is that version."""

    def __init__(self, version: DatasetVersion) -> None:
        self.version = version
        super().__init__(
            _("This content is already frozen as %(name)s (%(uid)s).")
            % {"name": str(version), "uid": version.uid}
        )


class DatasetKindDiffers(Conflict):
    """The name belongs to a data set of another kind."""


class VersionDamaged(blobs.BlobCorrupt):
    """The manifest no longer matches the version's hash."""


class SubjectErasedMeanwhile(Conflict):
    """Rows of an erased person are among those to freeze."""


@dataclass(frozen=True)
class Parent:
    kind: str
    uid: Any
    role: str

    def as_json(self) -> dict[str, str]:
        return {"kind": self.kind, "uid": str(self.uid), "role": self.role}


def checked_share(share: float) -> float:
    """The share of prompts to hold out; raises Invalid unless it lies between 0 and 0.9."""
    if 0 <= share <= LARGEST_SHARE:
        return share
    message = _("The held-out share must lie between 0 and %(most)s.") % {"most": LARGEST_SHARE}
    raise Invalid(message, fields={"heldout_share": message})


def store_files(*, workspace: Workspace, written: Written) -> None:
    """Copy the shards into the blob store, before a transaction of the caller in which `freeze` is called.

    The database ends a transaction that is idle for a minute, and a large copy may take longer than that.
    """
    for shard in written.shards:
        blobs.put_file(shard.path, workspace=workspace.uid)


def freeze(
    *,
    workspace: Workspace,
    name: str,
    written: Written,
    counts: Mapping[str, int],
    parents: Sequence[Parent],
    licence: str,
    by: Membership | None = None,
    note: str = "",
    policy: Mapping[str, Any] | None = None,
) -> DatasetVersion:
    """Store the written shards as the next version of the data set `name`; `policy` says what was chosen.

    Version, lineage and audit stand or fall together. Raises NothingToFreeze, AlreadyFrozen when a version of
    this workspace has the same content, DatasetKindDiffers, and SubjectErasedMeanwhile.

    Files are stored before the rows: a failure leaves at most unreferenced content, which a later freeze of
    the same rows takes up again. Where a person was erased meanwhile, the files with their rows are deleted.
    """
    if not written.shards:
        raise NothingToFreeze(_("There is nothing to freeze: no usable row was found."))
    manifest = _manifest(
        workspace, written, counts=counts, parents=parents, licence=licence, policy=policy or {}
    )
    with transaction.atomic():
        _refuse_erased(workspace, written)
        version = record(workspace=workspace, name=name, manifest=manifest, by=by, note=note)
        for parent in parents:
            lineage.connect(
                workspace=workspace,
                child=("dataset_version", version.uid),
                parent=(parent.kind, parent.uid),
                role=parent.role,
            )
        audit.record(
            kind=AuditEvent.Kind.FROZEN,
            workspace=workspace,
            membership=by,
            object_kind="dataset_version",
            object_uid=version.uid,
            name=str(version),
            sha256=version.sha256,
            rows=manifest["rows"],
        )
    return version


def _refuse_erased(workspace: Workspace, written: Written) -> None:
    erased = subjects.erased_among(workspace=workspace, keys=written.subjects)
    if erased:
        _drop_erased(workspace, written, erased)
        raise SubjectErasedMeanwhile(
            _("Data of a person who is being erased is among the rows: freeze again after the erasure.")
        )


def _drop_erased(workspace: Workspace, written: Written, erased: set[str]) -> None:
    """The erasure may have been over before these files were stored: nobody else would delete them."""
    live = live_files(workspace)
    for shard in written.shards:
        sha256 = blobs.sha256_of(shard.path)
        if shard.subjects & erased and sha256 not in live:
            blobs.delete(sha256, workspace=workspace.uid)


def _manifest(
    workspace: Workspace,
    written: Written,
    *,
    counts: Mapping[str, int],
    parents: Sequence[Parent],
    licence: str,
    policy: Mapping[str, Any],
) -> manifests.Manifest:
    """Store the files and describe them; no time and no name, so that equal content has an equal hash."""
    return {
        "schema": SCHEMA_VERSION,
        "kind": written.kind,
        "rows": {"train": written.rows("train"), "heldout": written.rows("heldout")},
        "files": [_stored(shard, workspace) for shard in written.shards],
        "counts": dict(counts),
        "parents": sorted(
            (parent.as_json() for parent in parents), key=lambda parent: sorted(parent.items())
        ),
        "licence": licence,
        "policy": {"split": {"method": METHOD, "heldout_share": written.heldout_share}, **policy},
    }


def _stored(shard: Shard, workspace: Workspace) -> dict[str, Any]:
    sha256 = blobs.put_file(shard.path, workspace=workspace.uid)
    size = shard.path.stat().st_size
    return {"name": shard.name, "split": shard.split, "rows": shard.rows, "bytes": size, "sha256": sha256}


def record(
    *, workspace: Workspace, name: str, manifest: manifests.Manifest, by: Membership | None, note: str
) -> DatasetVersion:
    """The row of a version whose files are stored, inside the caller's transaction; see `freeze`."""
    Dataset.objects.get_or_create(workspace=workspace, name=name, defaults={"kind": manifest["kind"]})
    # The lock makes numbers follow one another and lets one of two equal freezes win.
    dataset = Dataset.objects.select_for_update().get(workspace=workspace, name=name)
    if dataset.kind != manifest["kind"]:
        message = _("The data set “%(name)s” holds %(kind)s: choose another name.") % {
            "name": name,
            "kind": dataset.get_kind_display(),
        }
        raise DatasetKindDiffers(message, fields={"name": message})
    sha256 = manifests.digest(manifest)
    same = DatasetVersion.objects.filter(workspace=workspace, sha256=sha256).select_related("dataset").first()
    if same is not None:
        raise AlreadyFrozen(same)
    return DatasetVersion.objects.create(
        workspace=workspace,
        dataset=dataset,
        number=dataset.versions.count() + 1,
        sha256=sha256,
        manifest=manifest,
        train_rows=manifest["rows"]["train"],
        heldout_rows=manifest["rows"]["heldout"],
        note=note,
        frozen_by=by,
    )


def check_manifest(version: DatasetVersion) -> None:
    """Raise VersionDamaged when the stored manifest is not the one that the version's hash names."""
    if manifests.digest(version.manifest) != version.sha256:
        raise VersionDamaged(
            _("The manifest of %(name)s was changed after freezing.") % {"name": str(version)}
        )


def stage(version: DatasetVersion, directory: Path) -> Path:
    """Copy a version to a local directory, every file verified.

    Raises BlobMissing or BlobCorrupt, and RowsErased for a redacted version: it is not to be used any more.
    """
    check_manifest(version)
    if version.redacted_at:
        raise RowsErased(version)
    directory.mkdir(parents=True, exist_ok=True)
    with erasure_told(version):
        for file in version.manifest["files"]:
            blobs.fetch_file(file["sha256"], workspace=version.workspace.uid, target=directory / file["name"])
    (directory / "manifest.json").write_bytes(manifests.canonical(version.manifest))
    return directory


def verify(version: DatasetVersion) -> None:
    """Read every stored byte of a version.

    Raises VersionDamaged, BlobMissing or BlobCorrupt; of a redacted version the erased files must be gone,
    else ErasedFileKept.
    """
    check_manifest(version)
    live = live_files(version.workspace) if version.redacted_at else None
    for file in version.manifest["files"]:
        sha256 = file["sha256"]
        if live is None or sha256 in live:
            blobs.verify(sha256, workspace=version.workspace.uid)
        elif blobs.exists(workspace=version.workspace.uid, sha256=sha256):
            raise ErasedFileKept(f"The file {sha256[:12]} was erased and is still there: erase again.")


def rows(version: DatasetVersion, *, split: Split, after: int = 0, limit: int = 20) -> list[dict[str, Any]]:
    """Rows of a split from position `after`; row groups before it are skipped unread.

    Raises RowsErased where they lay in a file that was erased.
    """
    limit = min(limit, MOST_ROWS_ON_A_PAGE)
    found: list[dict[str, Any]] = []
    for file in version.manifest["files"]:
        if file["split"] != split or len(found) >= limit:
            continue
        if after >= file["rows"]:
            after -= file["rows"]
            continue
        with erasure_told(version):
            found += _rows_of_file(version, file["sha256"], after=after, limit=limit - len(found))
        after = 0
    return found


def _rows_of_file(version: DatasetVersion, sha256: str, *, after: int, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with blobs.opened(sha256, workspace=version.workspace.uid) as handle:
        file = pyarrow.parquet.ParquetFile(handle)
        for group in range(file.num_row_groups):
            size = file.metadata.row_group(group).num_rows
            if after >= size:
                after -= size
                continue
            found += file.read_row_group(group).slice(after, limit - len(found)).to_pylist()
            after = 0
            if len(found) >= limit:
                break
    return found
