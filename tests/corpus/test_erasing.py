"""Erasing rows from frozen versions: successors, what stays, what is gone, and what a crash leaves."""

from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from accounts.models import AuditEvent
from core import blobs
from corpus import erasing, lineage, versions
from corpus.erasing import Search, erase_from_versions, rewrite_without
from corpus.models import DatasetVersion, Erasure
from corpus.redactions import ErasedFileKept, RowsErased, last_successor
from corpus.splits import SPLITS
from corpus.tags import tag
from tests.conftest import Cast
from tests.corpus.frozen import freeze, pair, source_parent

ADA, BEN = "a" * 64, "b" * 64


def rows_of(*subjects: str | None) -> list[dict[str, Any]]:
    return [pair(number) | {"subject_key": key} for number, key in enumerate(subjects)]


def mixed() -> list[dict[str, Any]]:
    return rows_of(*[ADA if number % 10 == 3 else None for number in range(60)])


def erase(cast: Cast, *keys: str) -> None:
    erase_from_versions(Search(workspace=cast.workspace, keys=keys or [ADA]), by=cast.alice)


def ids(version: DatasetVersion) -> set[str]:
    return {row["id"] for split in SPLITS for row in versions.rows(version, split=split, limit=200)}


def everything_stored(cast: Cast, root: Path) -> str:
    """The rows of every Parquet file in the store, unpacked: a search of the bytes would prove nothing."""
    found = (root / "blobs" / "ws" / str(cast.workspace.uid)).rglob("*")
    return "\n".join(str(pyarrow.parquet.read_table(path).to_pylist()) for path in found if path.is_file())


def test_the_successor_holds_the_other_rows_under_their_ids(cast: Cast, own_storage: Path) -> None:
    version = freeze(cast.workspace, rows=mixed(), parents=[source_parent()])
    before = {split: versions.rows(version, split=split, limit=200) for split in SPLITS}
    erase(cast)
    version.refresh_from_db()
    left = version.successor
    assert version.redacted_at is not None and left is not None
    for split in SPLITS:
        kept = [row for row in before[split] if row["subject_key"] is None]
        assert versions.rows(left, split=split, limit=200) == kept
    assert left.train_rows + left.heldout_rows == 54
    assert left.manifest["policy"]["redaction"]["of"] == version.sha256
    assert left.manifest["counts"] == {"pairs": 24, "erased": 6}
    assert "row-3'" not in everything_stored(cast, own_storage)
    versions.verify(left)


def test_the_old_version_keeps_its_id_its_manifest_and_its_hash(cast: Cast) -> None:
    version = freeze(cast.workspace, rows=mixed())
    as_it_was = (version.uid, version.sha256, version.manifest, version.number)
    erase(cast)
    version.refresh_from_db()
    assert (version.uid, version.sha256, version.manifest, version.number) == as_it_was
    versions.verify(version)


def test_files_without_such_rows_are_shared_by_hash(cast: Cast) -> None:
    version = freeze(cast.workspace, rows=mixed())
    files = {file["split"]: file["sha256"] for file in version.manifest["files"]}
    theirs = {
        split: any(row["subject_key"] for row in versions.rows(version, split=split, limit=200))
        for split in SPLITS
    }
    erase(cast)
    version.refresh_from_db()
    assert version.successor is not None
    left = {file["split"]: file["sha256"] for file in version.successor.manifest["files"]}
    assert {split: left[split] != files[split] for split in SPLITS} == theirs


def test_lost_rows_are_gone_and_the_answer_names_the_successor(cast: Cast) -> None:
    version = freeze(cast.workspace, rows=rows_of(ADA, None, None), heldout_share=0.0)
    erase(cast)
    loaded_before = version
    with pytest.raises(RowsErased, match=r"What is left is in boxes v2") as gone:
        versions.rows(loaded_before, split="train")
    assert gone.value.status == 410
    with pytest.raises(RowsErased):
        versions.stage(loaded_before, Path("unused"))


def test_a_version_that_held_nothing_else_has_no_successor(cast: Cast, own_storage: Path) -> None:
    version = freeze(cast.workspace, rows=rows_of(ADA, ADA), heldout_share=0.0)
    erase(cast)
    version.refresh_from_db()
    assert version.redacted_at is not None and version.successor is None
    assert everything_stored(cast, own_storage) == ""
    with pytest.raises(RowsErased) as gone:
        versions.rows(version, split="train")
    assert "What is left" not in str(gone.value)


def test_versions_without_such_rows_and_other_workspaces_stay(cast: Cast) -> None:
    other = freeze(cast.workspace, name="others", rows=rows_of(BEN, None))
    theirs = freeze(cast.charlie.workspace, rows=rows_of(ADA, None))
    freeze(cast.workspace, rows=rows_of(ADA, None, None))
    erase(cast)
    for version in (other, theirs):
        version.refresh_from_db()
        assert version.redacted_at is None
        versions.verify(version)


def test_erasing_again_changes_nothing(cast: Cast) -> None:
    freeze(cast.workspace, rows=mixed())
    erase(cast)
    once = list(DatasetVersion.objects.order_by("pk").values())
    stored = sorted(blobs.stored(workspace=cast.workspace.uid))
    erase(cast)
    assert list(DatasetVersion.objects.order_by("pk").values()) == once
    assert sorted(blobs.stored(workspace=cast.workspace.uid)) == stored
    assert AuditEvent.objects.filter(kind="erased").count() == 1


def test_a_file_that_an_older_redacted_version_shares_goes_too(cast: Cast, own_storage: Path) -> None:
    """Ada's erasure leaves Ben's file to both the redacted version and its successor."""
    rows = [row | {"subject_key": None} for row in mixed()]
    plain = freeze(cast.workspace, name="plain", rows=rows)
    sides = {split: [row["id"] for row in versions.rows(plain, split=split, limit=200)] for split in SPLITS}
    keys = {sides["train"][0]: ADA, sides["heldout"][0]: BEN}
    version = freeze(cast.workspace, rows=[row | {"subject_key": keys.get(row["id"])} for row in rows])
    erase(cast, ADA)
    versions.rows(version, split="heldout")
    erase(cast, BEN)
    with pytest.raises(RowsErased, match="boxes v3"):
        versions.rows(version, split="heldout")
    version.refresh_from_db()
    left = last_successor(version)
    assert left is not None and ids(left) == {row["id"] for row in rows} - keys.keys()
    assert BEN not in everything_stored(cast, own_storage)
    versions.verify(version)


def test_a_crash_after_the_successor_is_made_good_by_the_next_run(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = freeze(cast.workspace, rows=mixed())

    def dies(*args: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken, pytest.raises(MemoryError):
        broken.setattr(erasing, "delete_lost_files", dies)
        erase(cast)
    version.refresh_from_db()
    assert version.redacted_at is not None
    with pytest.raises(ErasedFileKept):
        versions.verify(version)
    erase(cast)
    versions.verify(version)
    assert DatasetVersion.objects.count() == 2


def test_a_crash_before_the_successor_leaves_the_version_whole(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = freeze(cast.workspace, rows=mixed())

    def dies(**values: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken, pytest.raises(MemoryError):
        broken.setattr(versions, "record", dies)
        erase(cast)
    version.refresh_from_db()
    assert version.redacted_at is None
    versions.verify(version)
    erase(cast)
    version.refresh_from_db()
    assert version.successor is not None and version.successor.number == 2


def test_files_that_a_failed_freeze_left_are_searched_too(cast: Cast, tmp_path: Path) -> None:
    version = freeze(cast.workspace, rows=rows_of(ADA, None), heldout_share=0.0)
    stray = version.manifest["files"][0]["sha256"]
    DatasetVersion.objects.all().delete()
    notes = tmp_path / "notes"
    notes.write_bytes(b"PAR1 is how this text begins and ends, PAR1")
    other = blobs.put_file(notes, workspace=cast.workspace.uid)
    erase(cast)
    assert not blobs.exists(workspace=cast.workspace.uid, sha256=stray)
    assert blobs.exists(workspace=cast.workspace.uid, sha256=other)


def test_tags_follow_to_the_successor_and_parents_are_taken_over(cast: Cast) -> None:
    parent = source_parent()
    version = freeze(cast.workspace, rows=mixed(), parents=[parent])
    tag(version=version, name="training", by=cast.alice)
    erase(cast)
    version.refresh_from_db()
    left = version.successor
    assert left is not None
    assert [row.name for row in left.tags.all()] == ["training"]
    assert [
        (edge.parent_kind, edge.parent_uid) for edge in lineage.parents_of("dataset_version", left.uid)
    ] == [("source", parent.uid)]
    # What is made from the successor holds nothing of the person: it is no descendant of the redacted one.
    assert lineage.walk_down(("dataset_version", version.uid)) == []


def test_a_version_is_rewritten_once_only(cast: Cast) -> None:
    version = freeze(cast.workspace, rows=mixed())
    assert rewrite_without(version=version, keys=[BEN]) is None
    left = rewrite_without(version=version, keys=[ADA])
    assert left is not None and left.number == 2
    assert rewrite_without(version=version, keys=[ADA]) is None


def test_of_two_erasures_at_once_neither_leaves_rows_of_the_other(
    cast: Cast, own_storage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = freeze(cast.workspace, rows=rows_of(ADA, BEN, None), heldout_share=0.0)
    for key in (ADA, BEN):
        Erasure.objects.create(workspace=cast.workspace, subject_key=key)

    def overtaken(*args: Any, **values: Any) -> Any:
        monkeypatch.setattr(blobs, "put_file", put_file)
        erase(cast, ADA)
        return put_file(*args, **values)

    put_file = blobs.put_file
    monkeypatch.setattr(blobs, "put_file", overtaken)
    erase(cast, BEN)
    version.refresh_from_db()
    left = last_successor(version)
    assert left is not None and ids(left) == {"row-2"}
    versions.verify(left)
    stored = everything_stored(cast, own_storage)
    assert ADA not in stored and BEN not in stored


def test_every_kind_of_version_can_be_rewritten(cast: Cast) -> None:
    prompt = {"prompt": pair(1)["prompt"]}
    kinds = {
        "prompts": prompt,
        "demonstrations": prompt | {"completion": pair(1)["chosen"], "annotation": "x"},
        "labels": prompt | {"labels": ["good"], "annotation": "x"},
        "corpus": {"text": "A text.", "source": "web"},
    }
    for kind, row in kinds.items():
        rows = [row | {"id": f"{number}", "subject_key": ADA if number == 1 else None} for number in range(3)]
        freeze(cast.workspace, name=kind, kind=kind, rows=rows, heldout_share=0.0)
    erase(cast)
    for version in DatasetVersion.objects.filter(redacted_at__isnull=False):
        assert version.successor is not None and ids(version.successor) == {"0", "2"}
