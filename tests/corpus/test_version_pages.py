"""Tags, comparisons and redactions on the pages and over HTTP."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from core.ids import uuid7
from corpus.erasing import Search, erase_from_versions
from corpus.lineage import connect
from corpus.models import DatasetVersion, VersionTag
from corpus.previews import between_answers
from corpus.tags import tag
from corpus.version_facts import facts_of
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
        for words in ("How do I open box 4?", "How do I open box 1?", "Another answer"):
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


def test_the_rows_are_paged_by_their_side_of_the_split(cast: Cast) -> None:
    version = freeze(cast.workspace, rows=[pair(number) for number in range(60)], heldout_share=0.3)
    seen: list[str] = []
    for split, count in (("train", version.train_rows), ("heldout", version.heldout_rows)):
        address = f"{version.uid}/?tab=rows&split={split}"
        for after in range(0, count, 20):
            shown = get(cast, f"{address}&after={after}").context
            assert shown["previews"][0].number == after + 1 == shown["first"]
            seen += [row.id for row in shown["previews"]]
        assert shown["older"] is None and shown["last"] == count
    assert sorted(seen) == sorted(f"row-{number}" for number in range(60))


def test_what_differs_between_two_answers_is_marked_where_it_is_asked_for(cast: Cast) -> None:
    version = freeze(cast.workspace, rows=[pair(1)], heldout_share=0.0)
    plain = text_of(get(cast, f"{version.uid}/?tab=rows"))
    assert "<ins" not in plain and "<del" not in plain
    marked = text_of(get(cast, f"{version.uid}/?tab=rows&words=on"))
    assert "<ins" in marked and "<del" in marked and "Gladly" in marked and "Go away" in marked


def said_by(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def test_of_long_answers_the_change_is_shown_and_not_where_they_were_cut() -> None:
    long = " ".join(f"word{number}" for number in range(600))
    row = {"rejected": said_by(f"{long} lift it"), "chosen": said_by(f"Well, {long} turn it")}
    pieces = between_answers(row)
    assert [(piece.kind, piece.text.strip()) for piece in pieces if piece.kind != "same"] == [
        ("new", "Well,")
    ]
    assert pieces[-1].text == " …", "the rest is left out, and it says so"
    late = between_answers(row | {"chosen": said_by(f"{long} turn it")})
    assert late[0].text.startswith("… ")
    assert [piece.text.strip() for piece in late[1:3]] == ["lift", "turn"]


@pytest.mark.parametrize(
    "query", ["tab=x", "tab=rows&split=test", "tab=rows&after=x", "tab=rows&after=9999", "tab=rows&words=x"]
)
def test_a_part_that_a_version_has_not_is_refused(cast: Cast, two: Two, query: str) -> None:
    assert get(cast, f"{two[0].uid}/?{query}").status_code == 400


def test_the_overview_counts_labels_annotators_and_sources(cast: Cast) -> None:
    rows = [
        {
            "id": str(number),
            "prompt": pair(number)["prompt"],
            "labels": ["kind"] if number % 3 else ["rude"],
            "annotator": f"p-{number % 2}",
            "source": "Letters",
        }
        for number in range(12)
    ]
    version = freeze(cast.workspace, kind="labels", rows=rows)
    facts = facts_of(version)
    assert facts.labels == [("kind", 8), ("rude", 4)]
    assert facts.annotators == [("p-0", 6), ("p-1", 6)] and facts.sources == [("Letters", 12)]
    shown = text_of(get(cast, f"{version.uid}/"))
    for words in ("Labels", "rude", "Annotators, by pseudonym", "Letters", "How long the texts are"):
        assert words in shown
    assert '<p class="tiny muted">Text</p>' in shown, "what was labelled is no prompt to a model"
    assert '<p class="tiny muted">Prompt</p>' not in shown


def test_a_large_version_is_counted_in_its_first_rows_and_says_so(cast: Cast) -> None:
    rows = [{"id": str(number), "text": "word " * (number % 7)} for number in range(2_500)]
    version = freeze(cast.workspace, kind="corpus", rows=rows, heldout_share=0.0)
    facts = facts_of(version)
    assert (facts.rows, facts.is_all, len(facts.lengths["text"])) == (2_000, False, 2_000)
    assert "of the first 2,000 rows" in text_of(get(cast, f"{version.uid}/"))


def test_it_tells_how_often_the_better_answer_is_the_longer_one(cast: Cast) -> None:
    def judged(number: int, chosen: str, rejected: str) -> dict[str, Any]:
        answers = {"chosen": chosen, "rejected": rejected}
        return pair(number) | {
            name: [{"role": "assistant", "content": text}] for name, text in answers.items()
        }

    rows = [judged(1, "aaa", "a"), judged(2, "a", "aaa"), judged(3, "aaa", "a"), judged(4, "aa", "bb")]
    assert facts_of(freeze(cast.workspace, rows=rows)).longer_chosen == 67


def test_an_erasure_leaves_nothing_of_what_was_counted_before(cast: Cast) -> None:
    rows = [pair(1) | {"subject_key": "a" * 64, "annotator": "p-erased"}]
    version = freeze(cast.workspace, rows=rows, heldout_share=0.0)
    assert facts_of(version).annotators == [("p-erased", 1)]
    erase_from_versions(Search(workspace=cast.workspace, keys=["a" * 64]))
    version.refresh_from_db()
    assert facts_of(version).rows == 0
    for tab in ("overview", "rows", "files"):
        assert "p-erased" not in text_of(get(cast, f"{version.uid}/?tab={tab}"))
    assert "These rows are gone" in text_of(get(cast, f"{version.uid}/?tab=rows"))


def test_another_answer_to_the_same_prompt_is_shown_as_one_change(cast: Cast) -> None:
    older = freeze(cast.workspace, rows=[pair(1), pair(2)], heldout_share=0.0)
    again = pair(1) | {"id": "another", "chosen": [{"role": "assistant", "content": "Gladly: turn lid 1."}]}
    newer = freeze(cast.workspace, rows=[again, pair(2), pair(3)], heldout_share=0.0)
    answer = get(cast, f"{newer.uid}/diff/?with={older.uid}")
    changes = {change["name"]: change["rows"] for change in answer.context["changes"]}
    assert list(changes) == ["replaced", "added"]
    [replaced] = changes["replaced"]
    assert [(piece.kind, piece.text.strip()) for piece in replaced.change if piece.kind != "same"] == [
        ("gone", "lift"),
        ("new", "turn"),
    ]
    assert [row.id for row in changes["added"]] == ["row-3"]


def test_the_list_can_be_narrowed_to_one_kind_and_counts_models(cast: Cast, two: Two) -> None:
    prompts = freeze(
        cast.workspace, kind="prompts", name="p", rows=[{"id": "1", "prompt": pair(1)["prompt"]}]
    )
    model = ("model_version", uuid7())
    for role in ("dataset", "prompts"):
        connect(workspace=cast.workspace, child=model, parent=("dataset_version", prompts.uid), role=role)
    rows = get(cast, "?kind=prompts").context["rows"]
    assert [(row["version"].pk, row["models"]) for row in rows] == [(prompts.pk, 1)]
    assert "No version of this kind" in text_of(get(cast, "?kind=labels"))
    assert get(cast, "?kind=poems").status_code == 400
