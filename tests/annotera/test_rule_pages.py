"""Rules in the browser and over HTTP."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotation.models import Project
from annotera.models import RewardRule, RuleFiring
from annotera.rules import check_rules, set_reward_rule
from jobs.models import Job
from tests.annotation.worlds import make_project
from tests.annotera.test_rules import release, rule_of
from tests.conftest import Cast
from tests.training.registered import make_model, make_run
from training.models import ModelVersion, TrainingRun


@pytest.fixture
def base(cast: Cast, tmp_path: Path) -> ModelVersion:
    return make_model(cast.workspace, tmp_path)


@pytest.fixture
def project(cast: Cast) -> Project:
    return make_project(cast)


ADDRESS = "/w/acme/rules/"


def form(project: Project, base: ModelVersion, **values: str) -> dict[str, str]:
    return {"project": str(project.uid), "base_model": str(base.uid), "threshold": "100", **values}


def read(cast: Cast, who: str = "alice") -> str:
    return cast.client(getattr(cast, who)).get(ADDRESS).content.decode()


def test_an_admin_sets_a_rule_and_changes_it_with_the_same_form(
    cast: Cast, project: Project, base: ModelVersion
) -> None:
    client = cast.client(cast.alice)
    given = form(project, base, settings="steps=7\n\nlearning_rate = 1e-3\n")
    assert client.post(ADDRESS, given).status_code == 302
    rule = RewardRule.objects.get()
    assert (rule.threshold, rule.created_by, rule.is_active) == (100, cast.alice, True)
    assert rule.config == {"steps": 7, "learning_rate": 0.001}
    assert client.post(ADDRESS, form(project, base, threshold="50")).status_code == 302
    rule.refresh_from_db()
    assert (RewardRule.objects.count(), rule.threshold, rule.config) == (1, 50, {})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"threshold": "0"}, "greater than or equal to 1"),
        ({"threshold": "many"}, "whole number"),
        ({"project": "x"}, "Choose one of these"),
        ({"base_model": ""}, "required"),
        ({"settings": "steps=1\nseed"}, "Line 2: write name=value"),
        ({"settings": "speed=1"}, "Line 1: there is no such setting"),
        ({"settings": "steps=0"}, "steps: Must lie between"),
        ({"settings": "steps=1\x00"}, "Null characters are not allowed"),
        ({"settings": "x" * 5000}, "at most 4000"),
    ],
)
def test_a_form_that_makes_no_rule_comes_back_with_the_reason(
    cast: Cast, project: Project, base: ModelVersion, values: dict[str, str], message: str
) -> None:
    answer = cast.client(cast.alice).post(ADDRESS, form(project, base) | values)
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert not RewardRule.objects.exists()


def test_a_model_of_another_workspace_is_no_choice(
    cast: Cast, project: Project, base: ModelVersion, tmp_path: Path
) -> None:
    theirs = make_model(cast.charlie.workspace, tmp_path / "theirs")
    answer = cast.client(cast.alice).post(ADDRESS, form(project, theirs))
    assert answer.status_code == 422 and not RewardRule.objects.exists()


def test_the_list_says_how_far_a_rule_is_and_what_it_did_last(
    cast: Cast, project: Project, base: ModelVersion
) -> None:
    rule_of(project, base, cast, config={"steps": 7})
    release(project, 6)
    check_rules()
    html = read(cast, "rita")
    assert "6 of 10" in html and "not yet" in html and "steps=7" in html
    assert "When 10 new preferences of" in html and "are released, train a reward model from" in html
    release(project, 12)
    check_rules()
    html = read(cast, "rita")
    run = TrainingRun.objects.get(stage="reward")
    assert "0 of 10" in html
    assert reverse("run", args=["acme", run.uid]) in html and "queued" in html
    assert "12 new preferences" in html


def test_a_rule_that_could_not_act_says_why(cast: Cast, project: Project, base: ModelVersion) -> None:
    rule_of(project, base, cast)
    RewardRule.objects.update(problem="The model <b>is gone</b>.")
    html = read(cast, "rita")
    assert "could not act" in html and "The model &lt;b&gt;is gone&lt;/b&gt;." in html


def test_a_switch_is_turned_by_an_admin_only(cast: Cast, project: Project, base: ModelVersion) -> None:
    rule = rule_of(project, base, cast)
    address = reverse("rule-switch", args=["acme", rule.uid])
    alice = cast.client(cast.alice)
    for to, is_active in (("off", False), ("off", False), ("on", True)):
        assert alice.post(address, {"to": to}).status_code == 302
        rule.refresh_from_db()
        assert rule.is_active is is_active
    assert alice.post(address, {"to": "sideways"}).status_code == 422
    assert cast.client(cast.rita).post(address, {"to": "off"}).status_code == 403
    assert "Switch off" in read(cast) and "Switch off" not in read(cast, "rita")
    rule.refresh_from_db()
    assert rule.is_active


def test_without_a_project_or_a_model_it_says_what_is_missing(cast: Cast, tmp_path: Path) -> None:
    assert "There is no ranking project yet" in read(cast)
    make_project(cast, kind="demonstration")
    assert "There is no ranking project yet" in read(cast)
    make_project(cast, name="Ranking")
    assert "There is no language model to start from yet" in read(cast)
    make_model(cast.workspace, tmp_path)
    html = read(cast)
    assert "No rules yet" in html and "Set the rule" in html
    assert "Set the rule" not in read(cast, "rita")


def test_the_list_costs_the_same_with_ten_and_with_forty_rules(
    cast: Cast, base: ModelVersion, tmp_path: Path
) -> None:
    client = cast.client(cast.alice)

    def cost(count: int) -> int:
        for number in range(RewardRule.objects.count(), count):
            project = make_project(cast, name=f"Project {number}")
            rule = set_reward_rule(project=project, by=cast.alice, base_model=base, threshold=10)
            run = make_run(cast.workspace, "reward", base_model=base)
            RuleFiring.objects.create(
                workspace=cast.workspace, rule=rule, version=run.dataset_version, preferences=10, run=run
            )
        Job.objects.update(state="cancelled", ended_at=timezone.now())
        client.get(ADDRESS)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(ADDRESS).content.decode().count("<progress") == count
        return len(queries)

    assert cost(10) == cost(40) < 12


def api_body(project: Project, base: ModelVersion, **values: Any) -> dict[str, Any]:
    return {"project": str(project.uid), "base_model": str(base.uid), "threshold": 5, **values}


def test_the_api_sets_reads_lists_and_switches_rules(
    cast: Cast, project: Project, base: ModelVersion
) -> None:
    api = cast.api(cast.alice)
    answer = api.post("/api/v1/reward-rules/", api_body(project, base, config={"steps": 9}), format="json")
    assert answer.status_code == 201
    made = answer.json()
    assert made | {"threshold": 5, "config": {"steps": 9}, "is_active": True, "problem": ""} == made
    again = api.post("/api/v1/reward-rules/", api_body(project, base, threshold=8), format="json").json()
    assert (again["uid"], again["threshold"], again["config"]) == (made["uid"], 8, {})
    address = f"/api/v1/reward-rules/{made['uid']}/"
    assert api.patch(address, {"is_active": False}, format="json").json()["is_active"] is False
    assert cast.api(cast.rita).get(address).json()["is_active"] is False
    assert [row["uid"] for row in api.get("/api/v1/reward-rules/").json()["results"]] == [made["uid"]]
    assert cast.api(cast.charlie).get("/api/v1/reward-rules/").json()["results"] == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"threshold": 0}, "threshold"),
        ({"threshold": 2**40}, "threshold"),
        ({"threshold": "5.5"}, "threshold"),
        ({"project": "01900000-0000-7000-8000-000000000000"}, "project"),
        ({"base_model": "01900000-0000-7000-8000-000000000000"}, "base_model"),
        ({"config": {"steps": 0}}, "config.steps"),
        ({"config": {"spe\x00ed": 1}}, "config.spe\x00ed"),
        ({"config": []}, "config"),
        ({"is_active": False}, "is_active"),
    ],
)
def test_the_api_refuses_by_field_and_stores_nothing(
    cast: Cast, project: Project, base: ModelVersion, values: dict[str, Any], field: str
) -> None:
    body = api_body(project, base) | values
    answer = cast.api(cast.alice).post("/api/v1/reward-rules/", body, format="json")
    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == [field]
    assert not RewardRule.objects.exists()


def test_ids_of_another_workspace_are_answered_like_ids_of_nobody(
    cast: Cast, project: Project, base: ModelVersion, tmp_path: Path
) -> None:
    api = cast.api(cast.charlie)
    answers = [
        api.post("/api/v1/reward-rules/", body, format="json").json()
        for body in (
            api_body(project, base),
            api_body(project, base) | {"project": "01900000-0000-7000-8000-000000000000"},
        )
    ]
    assert answers[0] == answers[1]
    rule = rule_of(project, base, cast)
    assert api.get(f"/api/v1/reward-rules/{rule.uid}/").status_code == 404


@pytest.mark.parametrize("body", [b"[]", b"null", b'"x"', b"{", b'{"threshold": NaN}', b"\xff"])
def test_what_is_no_json_object_is_unreadable(cast: Cast, body: bytes) -> None:
    api = cast.api(cast.alice)
    answer = api.post("/api/v1/reward-rules/", body, content_type="application/json")
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "unreadable"
