"""Pages and routes of frozen versions."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from core.ids import uuid7
from corpus.models import DatasetVersion
from tests.conftest import Cast
from tests.corpus.frozen import freeze, pair, pairs, source_parent


def get(cast: Cast, who: Membership, path: str) -> Any:
    return cast.client(who).get(f"/w/acme/{path}")


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.content.decode()[:3000]
    return str(response.content.decode())


@pytest.fixture
def version(cast: Cast) -> DatasetVersion:
    return freeze(cast.workspace, parents=[source_parent()], by=cast.alice)


def test_the_list_shows_versions_with_their_sizes(cast: Cast, version: DatasetVersion) -> None:
    found = text_of(get(cast, cast.rita, "datasets/"))
    assert f"/w/acme/datasets/{version.uid}/" in found
    assert f">{version.train_rows}<" in found


def test_an_empty_list_says_how_to_get_a_version(cast: Cast) -> None:
    assert "import_preferences" in text_of(get(cast, cast.alice, "datasets/"))


def test_the_page_shows_manifest_counts_rows_and_parents(cast: Cast, version: DatasetVersion) -> None:
    found = text_of(get(cast, cast.rita, f"datasets/{version.uid}/"))
    assert version.sha256 in found
    assert "Gladly: lift lid" in found
    assert "Go away with box" in found
    assert "20 % of the prompts" in found
    assert "source " in found


def test_hostile_text_stays_text(cast: Cast) -> None:
    row = pair(1, prompt="<script>alert(1)</script>")
    version = freeze(cast.workspace, rows=[row], name="<i>evil</i>")
    found = text_of(get(cast, cast.rita, f"datasets/{version.uid}/"))
    assert "<script>alert" not in found
    assert "<i>evil" not in found
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in found


def test_a_long_text_is_cut_on_the_page(cast: Cast) -> None:
    version = freeze(cast.workspace, rows=[pair(1, prompt="word " * 2000)])
    assert len(text_of(get(cast, cast.rita, f"datasets/{version.uid}/"))) < 40_000


@pytest.mark.parametrize(
    ("kind", "stage", "row"),
    [
        ("corpus", "pretrain", {"id": "1", "text": "Once upon a time."}),
        ("prompts", "ppo", {"id": "1", "prompt": [{"role": "user", "content": "Once upon a time."}]}),
        (
            "demonstrations",
            "sft",
            {
                "id": "1",
                "prompt": [{"role": "user", "content": "Tell me a story."}],
                "completion": [{"role": "assistant", "content": "Once upon a time."}],
            },
        ),
    ],
)
def test_every_kind_of_version_has_its_page_and_its_next_stage(
    cast: Cast, kind: str, stage: str, row: dict[str, Any]
) -> None:
    version = freeze(cast.workspace, kind=kind, rows=[row])
    found = text_of(get(cast, cast.alice, f"datasets/{version.uid}/"))
    assert "Once upon a time." in found
    assert f"/runs/new/{stage}/?dataset={version.uid}" in found


def test_only_admins_are_offered_to_train_on_it(cast: Cast, version: DatasetVersion) -> None:
    link = f"/w/acme/runs/new/reward/?dataset={version.uid}"
    assert link in text_of(get(cast, cast.alice, f"datasets/{version.uid}/"))
    assert link not in text_of(get(cast, cast.rita, f"datasets/{version.uid}/"))


def test_the_page_costs_the_same_for_ten_and_for_a_hundred_rows(cast: Cast) -> None:
    def cost(version: DatasetVersion) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert get(cast, cast.alice, f"datasets/{version.uid}/").status_code == 200
        return len(queries)

    assert cost(freeze(cast.workspace, rows=pairs(10))) == cost(freeze(cast.workspace, rows=pairs(100)))


@pytest.mark.parametrize("path", ["datasets/", "datasets/{}/"])
def test_reviewers_read_and_others_do_not(cast: Cast, version: DatasetVersion, path: str) -> None:
    people = (cast.alice, cast.rita, cast.bob, cast.charlie)
    assert [get(cast, who, path.format(version.uid)).status_code for who in people] == [200, 200, 403, 404]
    assert get(cast, cast.rita, f"datasets/{uuid7()}/").status_code == 404


def test_unknown_parameters_are_refused(cast: Cast, version: DatasetVersion) -> None:
    assert get(cast, cast.rita, "datasets/?page=2").status_code == 400


def test_the_api_gives_a_version_and_pages_through_its_rows(cast: Cast) -> None:
    version = freeze(cast.workspace, rows=pairs(250), heldout_share=0.2)
    path = f"/api/v1/dataset-versions/{version.uid}/"
    api = cast.api(cast.rita)
    assert api.get(path).json()["manifest"] == version.manifest
    found, after = [], 0
    while after is not None:
        body = api.get(f"{path}rows/?after={after}").json()
        found += body["results"]
        after = body["next"]
    assert len(found) == version.train_rows
    assert len(api.get(f"{path}rows/?split=heldout").json()["results"]) == version.heldout_rows


@pytest.mark.parametrize("query", ["split=test", "after=-1", "after=x", "after=9999999999999999", "limit=5"])
def test_the_api_refuses_a_wrong_question(cast: Cast, version: DatasetVersion, query: str) -> None:
    answer = cast.api(cast.rita).get(f"/api/v1/dataset-versions/{version.uid}/rows/?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["fields"]


def test_the_api_rows_are_for_reviewers_of_the_workspace(cast: Cast, version: DatasetVersion) -> None:
    path = f"/api/v1/dataset-versions/{version.uid}/rows/"
    people = (cast.alice, cast.rita, cast.bob, cast.charlie)
    assert [cast.api(who).get(path).status_code for who in people] == [200, 200, 403, 404]
