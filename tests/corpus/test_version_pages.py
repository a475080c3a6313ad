"""Tags, comparisons and redactions on the pages and over HTTP."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from corpus.erasing import Search, erase_from_versions
from corpus.models import DatasetVersion, VersionTag
from corpus.tags import tag
from tests.conftest import Cast
from tests.corpus.frozen import freeze, pair


def text_of(response: Any, status: int = 200) -> str:
    assert response.status_code == status, response.content.decode()[:2000]
    return str(response.content.decode())


def get(cast: Cast, path: str, who: Membership | None = None) -> Any:
    return cast.client(who or cast.rita).get(f"/w/acme/datasets/{path}")


@pytest.fixture
def two(cast: Cast) -> tuple[DatasetVersion, DatasetVersion]:
    mended = pair(2) | {"chosen": [{"role": "assistant", "content": "Another answer."}]}
    older = freeze(cast.workspace, rows=[pair(1), pair(2), pair(3)], heldout_share=0.0)
    return older, freeze(cast.workspace, rows=[mended, pair(3), pair(4)], heldout_share=0.0)


Two = tuple[DatasetVersion, DatasetVersion]


def test_the_page_tells_what_differs_from_either_side(cast: Cast, two: Two) -> None:
    older, newer = two
    for one, other in ((older, newer), (newer, older)):
        found = text_of(get(cast, f"{one.uid}/diff/?with={other.uid}"))
        assert found.index("boxes v1") < found.index("boxes v2")
        for words in ("How do I open box 4?", "How do I open box 1?", "Another answer."):
            assert words in found
        assert "How do I open box 3?" not in found


def test_the_same_over_http(cast: Cast, two: Two) -> None:
    older, newer = two
    answer = cast.api(cast.rita).get(f"/api/v1/dataset-versions/{newer.uid}/diff/", {"with": str(older.uid)})
    found = answer.json()
    assert {name: found[name] for name in ("older", "newer", "added", "removed", "changed", "unchanged")} == {
        "older": str(older.uid),
        "newer": str(newer.uid),
        "added": 1,
        "removed": 1,
        "changed": 1,
        "unchanged": 1,
    }
    assert [row["row"]["id"] for row in found["removed_rows"]] == ["row-1"]


@pytest.mark.parametrize(
    ("query", "status"), [("", 400), ("with=x", 400), ("with=%00", 400), ("with={other}", 404), ("by=x", 400)]
)
def test_what_cannot_be_compared_with_is_refused(cast: Cast, two: Two, query: str, status: int) -> None:
    foreign = freeze(cast.charlie.workspace)
    query = query.format(other=foreign.uid)
    text_of(get(cast, f"{two[0].uid}/diff/?{query}"), status)
    api = cast.api(cast.rita).get(f"/api/v1/dataset-versions/{two[0].uid}/diff/?{query}")
    assert api.status_code == status


def test_a_version_offers_those_of_its_kind_to_compare_with(cast: Cast, two: Two) -> None:
    prompts = freeze(
        cast.workspace, kind="prompts", name="p", rows=[{"id": "1", "prompt": pair(1)["prompt"]}]
    )
    found = text_of(get(cast, f"{two[0].uid}/"))
    assert f'value="{two[1].uid}"' in found and str(prompts.uid) not in found


def test_an_admin_tags_moves_and_takes_away(cast: Cast, two: Two) -> None:
    alice = cast.client(cast.alice)
    for version in two:
        alice.post(f"/w/acme/datasets/{version.uid}/tag/", {"name": "Training"})
    assert VersionTag.objects.get().version == two[1]
    assert "training" in text_of(get(cast, ""))
    assert "Take away" not in text_of(get(cast, f"{two[1].uid}/"))
    alice.post(f"/w/acme/datasets/{two[1].uid}/untag/", {"name": "training"})
    assert not VersionTag.objects.exists()


def test_tags_over_http(cast: Cast, two: Two) -> None:
    api, address = cast.api(cast.alice), f"/api/v1/dataset-versions/{two[0].uid}/"
    answer = api.post(f"{address}tag/", {"name": "2026-11"}, format="json")
    assert answer.status_code == 200 and answer.json()["tags"] == ["2026-11"]
    assert api.get(address).json()["tags"] == ["2026-11"]
    taken = [api.post(f"{address}untag/", {"name": "2026-11"}, format="json") for _time in range(2)]
    assert [answer.status_code for answer in taken] == [200, 404]
    assert taken[0].json()["tags"] == []


@pytest.mark.parametrize("name", [None, "", "a b", "v7", "x" * 61, "x" * 300, "a\x00", 7, ["a"], "\ud800"])
def test_a_name_that_no_tag_may_have_is_refused_at_both_doors(cast: Cast, two: Two, name: object) -> None:
    address = f"/api/v1/dataset-versions/{two[0].uid}/tag/"
    sent = json.dumps({} if name is None else {"name": name})
    answer = cast.api(cast.alice).post(address, sent, content_type="application/json")
    assert answer.status_code == (200 if name == 7 else 422)
    if isinstance(name, str) and name != "\ud800":
        page = cast.client(cast.alice).post(f"/w/acme/datasets/{two[0].uid}/tag/", {"name": name})
        assert page.status_code == 422
    assert VersionTag.objects.count() == (name == 7)


def test_a_redacted_version_says_so_and_names_what_is_left(cast: Cast) -> None:
    rows = [pair(number) | {"subject_key": "a" * 64 if number == 1 else None} for number in range(5)]
    version = freeze(cast.workspace, rows=rows, heldout_share=0.0)
    erase_from_versions(Search(workspace=cast.workspace, keys=["a" * 64]))
    version.refresh_from_db()
    left = version.successor
    assert left is not None
    old = text_of(get(cast, f"{version.uid}/", cast.alice))
    assert "was erased from this version" in old and f"/w/acme/datasets/{left.uid}/" in old
    assert "Train a reward model" not in old and "Tag this version" not in old
    new = text_of(get(cast, f"{left.uid}/"))
    assert "after a person&#x27;s data was erased" in new or "after a person's data was erased" in new
    assert text_of(get(cast, "")).count(">redacted<") == 1
    found = cast.api(cast.rita).get(f"/api/v1/dataset-versions/{version.uid}/").json()
    assert found["successor"] == str(left.uid) and found["redacted_at"]
    assert "gone and cannot be shown" in text_of(get(cast, f"{left.uid}/diff/?with={version.uid}"))


def test_the_list_costs_the_same_for_ten_and_for_sixty_versions(cast: Cast) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            text_of(get(cast, ""))
        return len(queries)

    for number in range(10):
        tag(version=freeze(cast.workspace, rows=[pair(number)]), name=f"t{number}", by=None)
    ten = cost()
    for number in range(10, 60):
        tag(version=freeze(cast.workspace, rows=[pair(number)]), name=f"t{number}", by=None)
    assert cost() == ten
