import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import IntegrityError, connection

from accounts.models import AuditEvent
from core.blobs import BlobCorrupt, BlobMissing, key_for
from core.errors import Invalid
from corpus import lineage, shards, versions
from corpus.models import Dataset, DatasetVersion
from corpus.splits import SPLITS
from tests.conftest import Cast
from tests.corpus.frozen import freeze, pair, pairs, source_parent
from training.engine.frozen_data import FrozenVersion


def stored_file(version: DatasetVersion, own_storage: Path, number: int = 0) -> Path:
    sha256 = version.manifest["files"][number]["sha256"]
    return own_storage / "blobs" / key_for(workspace=version.workspace.uid, sha256=sha256)


def all_rows(version: DatasetVersion, split: str) -> list[dict[str, object]]:
    return versions.rows(version, split=split, limit=200)  # type: ignore[arg-type]


def test_a_frozen_version_gives_its_rows_back(cast: Cast) -> None:
    version = freeze(cast.workspace, by=cast.alice)
    found = {row["id"]: row for split in SPLITS for row in all_rows(version, split)}
    assert found.keys() == {f"row-{number}" for number in range(30)}
    row = found["row-7"]
    assert (row["schema"], row["margin"], row["annotator"]) == (1, None, None)
    assert {name: row[name] for name in pair(7)} == pair(7)
    assert version.train_rows + version.heldout_rows == 30


def test_no_prompt_is_on_both_sides(cast: Cast) -> None:
    rows = [
        pair(number, prompt=f"Box  {number % 20}" if number % 2 else f"box {number % 20}")
        for number in range(60)
    ]
    version = freeze(cast.workspace, rows=rows)
    sides = [
        {str(row["prompt"][0]["content"]).lower().split()[1] for row in all_rows(version, side)}
        for side in SPLITS
    ]  # type: ignore[index]
    assert all(sides)
    assert not sides[0] & sides[1]


def test_equal_rows_give_equal_bytes_and_equal_hashes(cast: Cast) -> None:
    one = freeze(cast.workspace)
    other = freeze(cast.charlie.workspace)
    assert one.sha256 == other.sha256
    assert one.manifest == other.manifest


def test_another_row_gives_another_hash(cast: Cast) -> None:
    one = freeze(cast.workspace)
    two = freeze(cast.workspace, rows=pairs(31))
    assert (one.number, two.number) == (1, 2)
    assert one.sha256 != two.sha256


def test_a_prompt_stays_on_its_side_in_later_versions(cast: Cast) -> None:
    before = {row["id"] for row in all_rows(freeze(cast.workspace), "heldout")}
    after = {row["id"] for row in all_rows(freeze(cast.workspace, rows=pairs(60)), "heldout")}
    assert before < after


def test_freezing_the_same_again_names_the_version_that_exists(cast: Cast) -> None:
    version = freeze(cast.workspace)
    with pytest.raises(versions.AlreadyFrozen, match=str(version.uid)) as caught:
        freeze(cast.workspace, name="other name")
    assert caught.value.version == version
    assert caught.value.status == 409
    assert DatasetVersion.objects.count() == 1
    assert not Dataset.objects.filter(name="other name").exists()


def test_version_lineage_and_audit_are_written_together(cast: Cast) -> None:
    parent = source_parent()
    version = freeze(cast.workspace, parents=[parent], by=cast.alice)
    [edge] = lineage.parents_of("dataset_version", version.uid)
    assert (edge.parent_kind, edge.parent_uid, edge.role) == ("source", parent.uid, "source")
    event = AuditEvent.objects.get(kind=AuditEvent.Kind.FROZEN)
    assert (event.membership, event.object_uid) == (cast.alice, version.uid)
    assert version.manifest["parents"] == [parent.as_json()]


def test_an_empty_set_is_refused_and_leaves_nothing(cast: Cast, own_storage: Path) -> None:
    with pytest.raises(versions.NothingToFreeze):
        freeze(cast.workspace, rows=[])
    assert not Dataset.objects.exists()
    assert not list((own_storage / "work").iterdir())


def test_a_failure_while_rows_are_read_leaves_nothing(cast: Cast, own_storage: Path) -> None:
    def rows() -> object:
        yield from pairs(5)
        raise IntegrityError("the source broke")

    with pytest.raises(IntegrityError):
        freeze(cast.workspace, rows=rows())  # type: ignore[arg-type]
    assert not Dataset.objects.exists()
    assert not list((own_storage / "work").iterdir())


def test_a_name_keeps_its_kind(cast: Cast) -> None:
    freeze(cast.workspace)
    with pytest.raises(versions.DatasetKindDiffers):
        freeze(cast.workspace, kind="corpus", rows=[{"id": "1", "text": "Once."}])


@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.9])
def test_few_prompts_still_fill_both_sides(cast: Cast, count: int, share: float) -> None:
    version = freeze(cast.workspace, rows=pairs(count), heldout_share=share)
    assert version.train_rows >= 1
    assert version.heldout_rows >= 1
    assert version.train_rows + version.heldout_rows == count


def test_a_single_prompt_always_trains(cast: Cast) -> None:
    rows = [pair(number, prompt="The only one") for number in range(3)]
    version = freeze(cast.workspace, rows=rows, heldout_share=0.9)
    assert (version.train_rows, version.heldout_rows) == (3, 0)


def test_nothing_is_held_out_when_nothing_shall_be(cast: Cast) -> None:
    assert freeze(cast.workspace, heldout_share=0.0).heldout_rows == 0


@pytest.mark.parametrize("share", [-0.1, 0.91, float("nan")])
def test_a_share_outside_the_range_is_refused(share: float) -> None:
    with pytest.raises(Invalid) as caught:
        versions.checked_share(share)
    assert "heldout_share" in caught.value.fields


def test_rows_page_across_groups_and_files(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "GROUP_ROWS", 4)
    monkeypatch.setattr(shards, "SHARD_ROWS", 10)
    version = freeze(cast.workspace, rows=pairs(33), heldout_share=0.0)
    assert [file["rows"] for file in version.manifest["files"]] == [12, 12, 9]
    paged = [
        row["id"]
        for start in range(0, 33, 5)
        for row in versions.rows(version, split="train", after=start, limit=5)
    ]
    assert paged == [f"row-{number}" for number in range(33)]
    assert versions.rows(version, split="train", after=33, limit=5) == []


def test_the_engine_reads_what_was_staged(cast: Cast, tmp_path: Path) -> None:
    version = freeze(cast.workspace)
    staged = versions.stage(version, tmp_path / "staged")
    frozen = FrozenVersion(staged)
    assert len(frozen.pairs("train")) == version.train_rows
    assert len(frozen.pairs("heldout")) == version.heldout_rows
    assert json.loads((staged / "manifest.json").read_text()) == version.manifest


def test_verification_accepts_a_sound_version(cast: Cast) -> None:
    versions.verify(freeze(cast.workspace))


def test_a_changed_byte_is_found_and_never_staged(cast: Cast, own_storage: Path, tmp_path: Path) -> None:
    version = freeze(cast.workspace)
    path = stored_file(version, own_storage)
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(BlobCorrupt):
        versions.verify(version)
    with pytest.raises(BlobCorrupt):
        versions.stage(version, tmp_path / "staged")


def test_a_missing_file_is_found(cast: Cast, own_storage: Path) -> None:
    version = freeze(cast.workspace)
    stored_file(version, own_storage, 1).unlink()
    with pytest.raises(BlobMissing):
        versions.verify(version)


def test_a_changed_manifest_is_found(cast: Cast, tmp_path: Path) -> None:
    version = freeze(cast.workspace)
    DatasetVersion.objects.update(manifest=version.manifest | {"licence": "CC0-1.0"})
    version.refresh_from_db()
    with pytest.raises(versions.VersionDamaged):
        versions.verify(version)
    with pytest.raises(versions.VersionDamaged):
        versions.stage(version, tmp_path / "staged")


def test_of_two_equal_freezes_at_once_one_wins(committed_cast: Cast) -> None:
    workspace = committed_cast.workspace

    def attempt(_number: int) -> str:
        try:
            return freeze(workspace).sha256
        except versions.AlreadyFrozen:
            return "conflict"
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=4) as pool:
        outcomes = list(pool.map(attempt, range(4)))
    assert outcomes.count("conflict") == 3
    assert DatasetVersion.objects.count() == 1


def test_versions_frozen_at_once_get_numbers_of_their_own(committed_cast: Cast) -> None:
    workspace = committed_cast.workspace

    def attempt(number: int) -> int:
        try:
            return freeze(workspace, rows=pairs(10 + number)).number
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=4) as pool:
        assert sorted(pool.map(attempt, range(8))) == list(range(1, 9))
