"""Quality assurance over HTTP."""

import json
from typing import Any

import pytest

from annotation.models import Project
from annotation.standings import pause
from corpus.models import DatasetVersion
from qa import inbox
from qa.models import Acceptance, Gold, QualityReport
from tests.annotation.worlds import add_tasks, make_project
from tests.annotera.test_api_abuse import VALUES
from tests.conftest import Cast
from tests.qa.worlds import acceptance_of, file_order, rank, state_of, turned_round

LINE = {"prompt": "Why?", "candidates": ["a", "b"], "gold": {"ranking": [[0], [1]]}}


def test_measure_and_read_the_last_report(crew: Cast, pairs: Project) -> None:
    api, address = crew.api(crew.rita), f"/api/v1/projects/{pairs.uid}/quality/"
    assert api.get(address).json() == {"report": None}
    for by in (crew.bob, crew.alice):
        rank(pairs, by)
    made = api.post(address)
    assert made.status_code == 201
    assert made.json()["report"]["agreement"]["all"]["annotations"] == 2
    assert api.get(address).json()["report"]["uid"] == made.json()["uid"]
    assert QualityReport.objects.count() == 1


def test_gold_comes_in_by_lines_and_is_listed(crew: Cast, pairs: Project) -> None:
    api, address = crew.api(crew.rita), f"/api/v1/projects/{pairs.uid}/gold/"
    body = "\n".join([json.dumps(LINE)] * 2)
    for _time in range(2):
        made = api.post(
            address, body, content_type="application/x-ndjson", headers={"Idempotency-Key": "gold-1"}
        )
        assert (made.status_code, made.json()) == (201, {"tasks": 2})
    assert Gold.objects.count() == 2
    rows = api.get(address).json()["results"]
    assert [(row["answered"], row["right"]) for row in rows] == [(0, 0)] * 2
    assert rows[0]["accepted"] == Gold.objects.latest("pk").accepted


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"null", b'{"prompt": "x"}', b"x" * 10_000_001])
def test_a_bad_gold_body_is_a_clear_4xx_and_nothing_is_stored(
    crew: Cast, pairs: Project, body: bytes
) -> None:
    answer = crew.api(crew.rita).post(
        f"/api/v1/projects/{pairs.uid}/gold/", body, content_type="application/x-ndjson"
    )
    assert answer.status_code in {413, 422}
    assert answer.json()["error"]["message"]
    assert not Gold.objects.exists()


def test_the_queue_is_read_and_decided(crew: Cast, pairs: Project) -> None:
    annotation = rank(pairs, crew.bob, flags=["unsafe"])
    api = crew.api(crew.rita)
    [row] = api.get(f"/api/v1/projects/{pairs.uid}/reviews/").json()["results"]
    assert (row["annotator"], row["reasons"], row["state"]) == (crew.bob.pseudonym, ["flag"], "open")
    address = f"/api/v1/reviews/{row['uid']}/"
    assert api.get(address).json() == row
    fix = {"decision": "fix", "answer": {"ranking": turned_round(annotation.assignment)}, "comment": "So."}
    decided = api.post(f"{address}decide/", fix, format="json").json()
    assert (decided["state"], decided["decided_by"]) == ("accepted", crew.rita.pseudonym)
    assert decided["fixed_answer"]["ranking"] == turned_round(annotation.assignment)
    again = api.post(f"{address}decide/", {"decision": "reject"}, format="json")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_decided")
    assert api.get(f"/api/v1/projects/{pairs.uid}/reviews/?state=accepted").json()["results"]
    assert api.get(f"/api/v1/projects/{pairs.uid}/reviews/?state=no").status_code == 422
    assert api.get(f"/api/v1/projects/{pairs.uid}/reviews/?sate=open").status_code == 400


@pytest.mark.parametrize("count", [10, 60])
def test_the_list_of_reviews_costs_the_same_at_any_length(
    crew: Cast, count: int, django_assert_max_num_queries: Any
) -> None:
    project = make_project(crew)
    add_tasks(project, count)
    for _number in range(count):
        rank(project, crew.bob, flags=["unsafe"])
    inbox.take_all(project=project)
    api = crew.api(crew.rita)
    with django_assert_max_num_queries(9):
        assert len(api.get(f"/api/v1/projects/{project.uid}/reviews/").json()["results"]) == min(50, count)


def test_a_paused_person_works_again(crew: Cast, pairs: Project) -> None:
    rank(pairs, crew.bob)
    pause(membership=crew.bob, project=pairs, reason="Look.")
    address, body = f"/api/v1/people/{crew.bob.uid}/resume/", {"project": str(pairs.uid), "note": "Looked."}
    api = crew.api(crew.rita)
    assert api.post(address, body, format="json").status_code == 204
    assert api.post(address, body, format="json").status_code == 409
    assert api.post(address, {"project": "x"}, format="json").status_code == 422
    stranger = f"/api/v1/people/{crew.charlie.uid}/resume/"
    assert api.post(stranger, body, format="json").status_code == 404


def test_a_release_is_made_under_a_policy(crew: Cast, pairs: Project) -> None:
    for _number in range(4):
        rank(pairs, crew.bob, file_order)
    api, address = crew.api(crew.alice), f"/api/v1/projects/{pairs.uid}/release/"
    body = {"policy": "majority", "heldout_share": 0.5, "name": "By majority", "note": "First."}
    for _time in range(2):
        made = api.post(address, body, format="json", headers={"Idempotency-Key": "release-1"})
        assert made.status_code == 201
    version = DatasetVersion.objects.get()
    assert made.json() == {"dataset_version": str(version.uid), "job": None}
    assert (version.dataset.name, version.note) == ("By majority", "First.")
    assert version.manifest["policy"]["release"]["policy"] == "majority"
    assert api.post(address, body, format="json").status_code == 409


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_no_value_breaks_a_decision_or_a_release(crew: Cast, pairs: Project, value: str) -> None:
    annotation = rank(pairs, crew.bob, flags=["unsafe"])
    inbox.take()
    api = crew.api(crew.rita)
    review = f"/api/v1/reviews/{acceptance_of(annotation).uid}/decide/"
    bodies = [
        (crew.rita, review, f'{{"decision": {value}}}'),
        (crew.rita, review, f'{{"decision": "fix", "answer": {value}}}'),
        (crew.rita, review, f'{{"decision": "fix", "answer": {{"ranking": {value}}}}}'),
        (crew.rita, review, f'{{"decision": "send_back", "comment": {value}}}'),
        (crew.rita, review, value),
        (crew.rita, f"/api/v1/people/{crew.bob.uid}/resume/", f'{{"project": {value}}}'),
    ]
    for field in ("policy", "heldout_share", "name", "note", "\\ud800"):
        bodies.append((crew.alice, f"/api/v1/projects/{pairs.uid}/release/", f'{{"{field}": {value}}}'))
    for who, address, body in bodies:
        api = crew.api(who)
        answer = api.post(address, body, content_type="application/json")
        assert answer.status_code < 500, (address, body[:80])
        if answer.status_code >= 400:
            assert answer.json()["error"]["message"]
    assert state_of(annotation)[0] in {"open", "sent_back"}
    assert not Acceptance.objects.filter(state="accepted").exists()
