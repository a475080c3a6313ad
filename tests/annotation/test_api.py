"""The same work over HTTP with JSON."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation.models import Annotation, Assignment, Project, Task
from annotation.queue import hand_out
from tests.annotation.worlds import add_tasks, make_project


@pytest.fixture
def project(crew):
    project = make_project(crew)
    add_tasks(project, 3)
    return project


@pytest.fixture
def bob(crew):
    return crew.api(crew.bob)


@pytest.fixture
def alice(crew):
    return crew.api(crew.alice)


def route(name: str, row=None) -> str:
    return reverse(f"api-{name}", args=[row.uid] if row else [])


def take(bob, project) -> dict:
    response = bob.post(route("project-next", project))
    assert response.status_code == 200
    return response.json()["assignment"]


def submit_address(assignment: dict) -> str:
    return reverse("api-assignment-submit", args=[assignment["uid"]])


def answer_to(assignment: dict, **values: object) -> dict:
    ranking = [[candidate["id"]] for candidate in assignment["candidates"]]
    return {"answer": {"ranking": ranking, **values}, "active_ms": 10}


def test_a_script_takes_answers_and_takes_the_next(bob, project):
    for number in range(3):
        assignment = take(bob, project)
        assert assignment["prompt"] == [{"role": "user", "content": f"Question {number}?"}]
        response = bob.post(submit_address(assignment), answer_to(assignment), format="json")
        assert response.status_code == 201, response.json()
        assert response.json()["revision"] == 1
    empty = bob.post(route("project-next", project)).json()
    assert empty["assignment"] is None
    assert empty["reason"] == "done"
    assert Annotation.objects.count() == 3


def test_no_answer_for_annotators_names_a_source_or_purpose(bob, project):
    Project.objects.update(gold_every=5)
    assignment = take(bob, project)
    Task.objects.update(purpose="gold")
    receipt = bob.post(submit_address(assignment), answer_to(assignment), format="json")
    text = (
        json.dumps(assignment)
        + receipt.content.decode()
        + bob.get(route("project", project)).content.decode()
    )
    for secret in ("secret-model", "gold", "purpose", "queue_key"):
        assert secret not in text


def test_a_repeated_submit_with_a_key_acts_once(bob, project):
    assignment = take(bob, project)
    body = answer_to(assignment)
    headers = {"Idempotency-Key": "abc"}
    answers = [bob.post(submit_address(assignment), body, format="json", headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    other = answer_to(assignment, rationale="changed")
    assert bob.post(submit_address(assignment), other, format="json", headers=headers).status_code == 409
    assert Annotation.objects.count() == 1


def test_another_answer_is_refused_and_kept_as_a_draft(bob, project):
    assignment = take(bob, project)
    bob.post(submit_address(assignment), answer_to(assignment), format="json")
    other = answer_to(assignment, rationale="second thought")
    refused = bob.post(submit_address(assignment), other, format="json", headers={"Idempotency-Key": "k"})
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "answered"
    assert Assignment.objects.get(uid=assignment["uid"]).draft["rationale"] == ["second thought"]
    corrected = bob.post(submit_address(assignment), {**other, "revision": 1}, format="json")
    assert corrected.json()["revision"] == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"answer": {"ranking": []}}, "ranking"),
        ({"answer": None}, "answer"),
        ({"winner": "A"}, "winner"),
        ({"active_ms": -1}, "active_ms"),
        ({"active_ms": "soon"}, "active_ms"),
        ({"revision": True}, "revision"),
    ],
)
def test_a_refused_answer_names_the_field(bob, project, change, field):
    assignment = take(bob, project)
    response = bob.post(submit_address(assignment), {**answer_to(assignment), **change}, format="json")
    assert response.status_code == 422
    assert field in response.json()["error"]["fields"]


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"{", b"[" * 100_000, b'{"answer": NaN}'])
def test_an_unreadable_body_is_a_400(bob, project, body):
    assignment = take(bob, project)
    response = bob.post(submit_address(assignment), body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "unreadable"


def test_a_draft_by_api_is_the_draft_of_the_page(crew, bob, project):
    assignment = take(bob, project)
    address = reverse("api-assignment-draft", args=[assignment["uid"]])
    draft = {"rationale": ["half"], "unknown": ["x"]}
    assert bob.put(address, {"version": 0, "draft": draft}, format="json").json()["version"] == 1
    assert bob.put(address, {"version": 0, "draft": draft}, format="json").status_code == 409
    assert bob.put(address, {"version": 1, "draft": {"rationale": "text"}}, format="json").status_code == 422
    assert bob.put(address, {"version": 1, "draft": []}, format="json").status_code == 422
    page = crew.client(crew.bob).get(reverse("assignment", args=["acme", assignment["uid"]]))
    assert "half" in page.content.decode()
    assert take(bob, project)["draft"] == {"rationale": ["half"]}


def test_a_task_is_skipped(bob, project):
    assignment = take(bob, project)
    address = reverse("api-assignment-skip", args=[assignment["uid"]])
    assert bob.post(address, {"reason": "other", "note": "x"}, format="json").status_code == 204
    assert bob.post(address, {}, format="json").status_code == 204
    assert bob.post(address, {"reason": 5}, format="json").status_code == 422
    assert take(bob, project)["uid"] != assignment["uid"]


def test_admins_make_projects_once_per_key(alice):
    body = {"name": "By script", "overlap": 2, "aspects": ["tone"]}
    answers = [
        alice.post(route("projects"), body, format="json", headers={"Idempotency-Key": "p"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    project = Project.objects.get()
    assert answers[0]["Location"] == route("project", project)
    assert alice.get(route("project", project)).json()["aspects"] == ["tone"]
    assert alice.get(route("projects")).json()["results"][0]["name"] == "By script"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x", "overlap": 0}, "overlap"),
        ({"name": "x", "overlap": True}, "overlap"),
        ({"name": "x", "aspects": "tone"}, "aspects"),
        ({"name": "x", "allow_ties": "yes"}, "allow_ties"),
        ({"name": "x", "licence": "nonsense"}, "licence"),
        ({"name": "x", "colour": "red"}, "colour"),
        ({"name": "\x00"}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "turned \u202e round"}, "name"),
        ({"name": "x", "description": "\ud800"}, "description"),
    ],
)
def test_a_refused_project_names_the_field(alice, body, field):
    response = alice.post(route("projects"), json.dumps(body), content_type="application/json")
    assert response.status_code == 422
    assert field in response.json()["error"]["fields"]
    assert not Project.objects.exists()


def test_reviewers_read_tasks_and_only_admins_see_sources(crew, project, alice):
    task = Task.objects.first()
    rita = crew.api(crew.rita)
    assert len(rita.get(route("project-tasks", project)).json()["results"]) == 3
    assert "secret-model" not in rita.get(route("task", task)).content.decode()
    assert "secret-model" in alice.get(route("task", task)).content.decode()


def test_the_task_list_costs_the_same_at_10_and_at_100_rows(crew, alice):
    project = make_project(crew, name="Long")
    counts = []
    for number in (10, 90):
        add_tasks(project, number, first=number)
        with CaptureQueriesContext(connection) as queries:
            page = alice.get(route("project-tasks", project)).json()
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 3
    assert page["next"]
    rest = alice.get(route("project-tasks", project) + f"?before={page['next']}").json()
    assert len(rest["results"]) == 50
    assert alice.get(route("project-tasks", project) + "?befor=x").status_code == 400


def test_the_project_list_costs_the_same_at_10_and_at_100_rows(crew, alice):
    counts = []
    for number in range(100):
        make_project(crew, name=f"P{number}")
        if number in (9, 99):
            with CaptureQueriesContext(connection) as queries:
                alice.get(route("projects"))
            counts.append(len(queries))
    assert counts[0] == counts[1] <= 4


def test_the_export_streams_lines(crew, alice, bob, project):
    assignment = take(bob, project)
    bob.post(submit_address(assignment), answer_to(assignment), format="json")
    response = alice.get(route("project-export", project))
    (line,) = b"".join(response.streaming_content).splitlines()
    assert json.loads(line)["judgement"]["annotator"] == crew.bob.pseudonym


def test_roles_and_workspaces_are_kept_apart(crew, client, project, bob):
    task = Task.objects.first()
    assignment = hand_out(membership=crew.bob, project=project).assignment
    charlie, rita = crew.api(crew.charlie), crew.api(crew.rita)
    for name, row in (
        ("project", project),
        ("project-tasks", project),
        ("project-export", project),
        ("task", task),
    ):
        assert client.get(route(name, row)).status_code == 401
        assert charlie.get(route(name, row)).status_code == 404
    for name in ("submit", "skip"):
        address = reverse(f"api-assignment-{name}", args=[assignment.uid])
        assert charlie.post(address, {}, format="json").status_code == 404
        assert rita.post(address, {}, format="json").status_code == 404
        assert bob.get(address).status_code == 405
    assert charlie.post(route("project-next", project)).status_code == 404
    assert bob.post(route("projects"), {"name": "x"}, format="json").status_code == 403
    assert bob.get(route("project-tasks", project)).status_code == 403
    assert bob.get(route("task", task)).status_code == 403
    for person in (bob, rita):
        assert person.get(route("project-export", project)).status_code == 403
        assert (
            person.post(
                route("project-tasks", project), b"{}", content_type="application/x-ndjson"
            ).status_code
            == 403
        )
