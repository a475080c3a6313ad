import pytest

from corpus import versions
from corpus.columns import split_text
from corpus.diffs import Diff, NotComparable, TooMuchToCompare, diff
from corpus.erasing import Search, erase_from_versions
from corpus.models import DatasetVersion
from corpus.splits import fraction, split_at
from tests.conftest import Cast
from tests.corpus.frozen import freeze, pair


def two(cast: Cast, *, before: list[dict], after: list[dict]) -> Diff:
    older = freeze(cast.workspace, rows=before, heldout_share=0.0)
    return diff(older=older, newer=freeze(cast.workspace, rows=after, heldout_share=0.0))


def ids(rows: list) -> list[str]:
    return [found.row["id"] for found in rows]


def test_it_tells_rows_that_came_went_changed_and_stayed(cast: Cast) -> None:
    mended = pair(2) | {"chosen": [{"role": "assistant", "content": "Another answer."}]}
    found = two(cast, before=[pair(1), pair(2), pair(3)], after=[pair(4), mended, pair(3), pair(5)])
    assert (found.added, found.removed, found.changed, found.unchanged) == (2, 1, 1, 1)
    assert (ids(found.added_rows), ids(found.removed_rows), ids(found.changed_rows)) == (
        ["row-4", "row-5"],
        ["row-1"],
        ["row-2"],
    )
    assert found.changed_rows[0].row["chosen"][0]["content"] == "Another answer."


def test_a_row_that_changed_sides_is_a_changed_row(cast: Cast) -> None:
    rows = [pair(1), pair(2)]
    older = freeze(cast.workspace, rows=rows, heldout_share=0.0)
    newer = freeze(cast.workspace, rows=rows, heldout_share=0.5)
    assert newer.heldout_rows == 1
    found = diff(older=older, newer=newer)
    assert (found.added, found.removed, found.changed, found.unchanged) == (0, 0, 1, 1)
    assert found.changed_rows[0].split == "heldout"


def test_samples_are_limited_and_the_counts_are_not(cast: Cast) -> None:
    older = freeze(cast.workspace, rows=[pair(0)], heldout_share=0.0)
    newer = freeze(cast.workspace, rows=[pair(number) for number in range(1, 30)], heldout_share=0.0)
    found = diff(older=older, newer=newer, limit=3)
    assert (found.added, len(found.added_rows)) == (29, 3)


def test_files_that_both_share_are_not_read(cast: Cast) -> None:
    """The held-out file is the same in both; without it in the store, the comparison still answers."""
    rows = [pair(number) for number in range(30)]
    older = freeze(cast.workspace, rows=rows)
    more = next(pair(number) for number in range(100, 200) if versions_side(cast, pair(number)) == "train")
    newer = freeze(cast.workspace, rows=[*rows, more])
    shared = {file["sha256"] for file in older.manifest["files"]} & {
        file["sha256"] for file in newer.manifest["files"]
    }
    assert len(shared) == 1
    versions.blobs.delete(shared.pop(), workspace=cast.workspace.uid)
    found = diff(older=older, newer=newer)
    assert (found.added, found.removed, found.changed, found.unchanged) == (1, 0, 0, 30)


def versions_side(cast: Cast, row: dict) -> str:
    return split_at(fraction(split_text(row)), heldout_share=0.2)


def test_what_was_erased_is_counted_from_the_manifests(cast: Cast) -> None:
    rows = [pair(number) | {"subject_key": "a" * 64 if number < 4 else None} for number in range(20)]
    older = freeze(cast.workspace, rows=rows)
    erase_from_versions(Search(workspace=cast.workspace, keys=["a" * 64]))
    older.refresh_from_db()
    assert older.successor is not None
    found = diff(older=older, newer=older.successor)
    assert (found.removed, found.erased, found.unchanged, found.removed_rows) == (4, 4, 16, [])


def test_an_erased_version_cannot_be_compared_with_any_other(cast: Cast) -> None:
    older = freeze(cast.workspace, rows=[pair(1) | {"subject_key": "a" * 64}, pair(2)], heldout_share=0.0)
    newer = freeze(cast.workspace, rows=[pair(2), pair(3)], heldout_share=0.0)
    erase_from_versions(Search(workspace=cast.workspace, keys=["a" * 64]))
    older.refresh_from_db()
    with pytest.raises(versions.RowsErased, match="What is left is in boxes v3"):
        diff(older=older, newer=newer)


def test_an_erased_version_is_offered_for_comparison_only_to_what_is_left_of_it(cast: Cast) -> None:
    older = freeze(cast.workspace, rows=[pair(1) | {"subject_key": "a" * 64}, pair(2)], heldout_share=0.0)
    newer = freeze(cast.workspace, rows=[pair(2), pair(3)], heldout_share=0.0)
    erase_from_versions(Search(workspace=cast.workspace, keys=["a" * 64]))
    older.refresh_from_db()
    left = older.successor
    assert left is not None

    def offered(version: DatasetVersion) -> set[DatasetVersion]:
        answer = cast.client(cast.alice).get(f"/w/acme/datasets/{version.uid}/")
        return set(answer.context["others"])

    assert offered(older) == {left}
    assert offered(newer) == {left}
    assert offered(left) == {older, newer}


def test_a_version_is_not_compared_with_itself_or_with_other_kinds(cast: Cast) -> None:
    version = freeze(cast.workspace)
    prompts = freeze(
        cast.workspace, kind="prompts", name="prompts", rows=[{"id": "1", "prompt": pair(1)["prompt"]}]
    )
    for other in (version, prompts):
        with pytest.raises(NotComparable):
            diff(older=version, newer=DatasetVersion.objects.get(pk=other.pk))


def test_too_many_rows_are_refused_before_they_are_read(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    older, newer = freeze(cast.workspace), freeze(cast.workspace, rows=[pair(90), pair(91)])
    monkeypatch.setattr("corpus.diffs.MOST_ROWS", 31)
    with pytest.raises(TooMuchToCompare, match="31 rows"):
        diff(older=older, newer=newer)


def test_comparing_costs_no_query_a_row(cast: Cast, django_assert_num_queries) -> None:
    older, newer = freeze(cast.workspace), freeze(cast.workspace, rows=[pair(90), pair(91)])
    with django_assert_num_queries(0):
        diff(older=older, newer=newer)
