"""What a hostile client sends to the API: each time a 4xx in the one shape of errors, and nothing stored."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken
from accounts.tokens import create_token
from annotation.models import Annotation, Project, Task
from tests.annotera.objects import Objects
from tests.annotera.pipeline_access_rows import a_rule
from tests.conftest import Cast
from training.models import TrainingRun

DEEP = "[" * 500 + "]" * 500
# Values of JSON as a client may write them, put into every field in turn.
VALUES = {
    "half a character": '"\\ud800"',
    "half a character as a name": '{"\\ud800": 1}',
    "half a character in a list": '["\\udfff"]',
    "NUL": '"a\\u0000b"',
    "infinity by overflow": "1e400",
    "minus infinity by overflow": "-1e400",
    "a whole number beyond any float": "1" + "0" * 400,
    "a negative number": "-1",
    "a fraction": "0.5",
    "true": "true",
    "null": "null",
    "a list": "[]",
    "an object": "{}",
    "a list of objects": "[{}]",
    "a deep list": DEEP,
    "a long text": json.dumps("x" * 300_000),
    "an empty text": '""',
}
FIELDS = {
    "api-projects": (
        "name", "description", "content_warning", "overlap", "lease_seconds", "allow_ties", "aspects",
        "require_rationale", "licence", "lawful_basis", "\\ud800",
    ),
    "api-tokens": ("name", "days", "\\ud800"),
    "api-runs": (
        "stage", "name", "dataset_version", "base_model", "reward_model", "second_model", "config",
        "config.steps", "config.learning_rate", "config.\\ud800", "\\ud800",
    ),
    "api-reward-rules": (
        "project", "base_model", "threshold", "config", "config.steps", "config.learning_rate",
        "config.\\ud800", "\\ud800",
    ),
    "api-assignment-submit": (
        "answer", "answer.ranking", "answer.unranked", "answer.shown_order", "answer.all_bad",
        "answer.strength", "answer.aspects", "answer.flags", "answer.rewrite", "answer.rationale",
        "answer.schema", "answer.\\ud800", "active_ms", "revision", "guideline", "\\ud800",
    ),
    "api-assignment-draft": ("version", "draft", "draft.rationale", "draft.\\ud800", "\\ud800"),
    "api-assignment-skip": ("reason", "note", "\\ud800"),
}  # fmt: skip
ADMINS = {"api-projects", "api-runs", "api-reward-rules"}


def script(cast: Cast, name: str) -> Client:
    """A script with a token; faults of ours come back as the status that a person would see."""
    member = cast.alice if name in ADMINS else cast.bob
    _token, secret = create_token(membership=member, name="script")
    return Client(headers={"Authorization": f"Token {secret}"}, raise_request_exception=False)


def bodies(objects: Objects, name: str) -> Iterator[tuple[str, str]]:
    """A good request with one field replaced by one hostile value."""
    good: dict[str, Any] = {
        "api-projects": {"name": "New"},
        "api-runs": {"stage": "pretrain", "dataset_version": str(objects.version.uid), "config": {}},
        "api-reward-rules": a_rule(objects) if name == "api-reward-rules" else {},
        "api-assignment-submit": {"answer": {}},
        "api-assignment-draft": {"version": 0, "draft": {}},
    }.get(name, {})
    for field in FIELDS[name]:
        outer, _dot, inner = field.partition(".")
        for kind, value in VALUES.items():
            rest = {key: json.dumps(given) for key, given in good.items() if key != outer}
            rest[outer] = f'{{"{inner}": {value}}}' if inner else value
            yield f"{field}: {kind}", "{" + ", ".join(f'"{key}": {text}' for key, text in rest.items()) + "}"


@pytest.mark.parametrize("name", FIELDS)
def test_no_value_in_any_field_is_a_fault_of_ours(cast: Cast, name: str) -> None:
    objects = Objects(cast)
    address = reverse(name, args=[objects.assignment.uid] if "assignment" in name else [])
    client = script(cast, name)
    method = client.put if name == "api-assignment-draft" else client.post
    broken = {}
    for what, body in bodies(objects, name):
        answer = method(address, body.encode(), content_type="application/json")
        if answer.status_code >= 500:
            broken[what] = answer.status_code
        elif answer.status_code >= 400:
            assert set(answer.json()["error"]) == {"code", "message", "fields"}, what
    assert broken == {}


UNREADABLE = {
    "a hundred thousand brackets": b"[" * 100_000,
    "a hundred thousand objects": b'{"a":' * 100_000,
    "NaN": b'{"name": NaN}',
    "infinity": b'{"name": Infinity}',
    "infinity by overflow": b'{"name": "New", "overlap": 1e999}',
    "a number of a hundred thousand digits": b'{"overlap": ' + b"9" * 100_000 + b"}",
    "UTF-16": '{"name": "New"}'.encode("utf-16"),
    "latin-1": '{"name": "Café"}'.encode("latin-1"),
    "a truncated text": b'{"name": "New',
    "a list": b"[]",
    "a text": b'"name"',
    "null": b"null",
}


@pytest.mark.parametrize("name", ["api-projects", "api-assignment-submit", "api-assignment-skip"])
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_json_object_is_a_400_and_stores_nothing(cast: Cast, name: str, body: bytes) -> None:
    objects = Objects(cast)
    address = reverse(name, args=[objects.assignment.uid] if "assignment" in name else [])
    answer = script(cast, name).post(address, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unreadable"
    assert not Project.objects.filter(name="New").exists()
    assert not Annotation.objects.exists()
    objects.assignment.refresh_from_db()
    assert objects.assignment.state == "leased"


@pytest.mark.parametrize("name", ["api-project-tasks", "api-runs", "api-projects", "api-tokens"])
def test_a_form_with_a_file_is_no_request_of_the_api(cast: Cast, name: str) -> None:
    objects = Objects(cast)
    address = reverse(name, args=[objects.project.uid] if name == "api-project-tasks" else [])
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    client.force_login(cast.alice.user)
    client.get("/w/acme/")
    token = client.cookies["csrftoken"].value
    before = Task.objects.count()
    upload = {"file": SimpleUploadedFile("a.jsonl", b"{}")}
    answer = client.post(address, upload, headers={"X-CSRFToken": token})
    assert answer.status_code in {400, 415}
    assert set(answer.json()["error"]) == {"code", "message", "fields"}
    assert (Task.objects.count(), TrainingRun.objects.count()) == (before, 0)


def test_a_number_beyond_json_in_a_source_names_its_line(cast: Cast) -> None:
    """PostgreSQL has no infinity in JSON: found late, the whole file would fail without a reason."""
    objects = Objects(cast)
    good = '{"prompt": "Why?", "candidates": ["a", "b"]}'
    bad = '{"prompt": "Why?", "candidates": ["a", {"content": "b", "source": {"temperature": 1e999}}]}'
    client = script(cast, "api-projects")
    address = reverse("api-project-tasks", args=[objects.project.uid])
    before = Task.objects.count()
    answer = client.post(address, f"{good}\n{bad}\n".encode(), content_type="application/x-ndjson")
    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == ["line 2"]
    assert Task.objects.count() == before


LISTS = [
    "api-projects", "api-project", "api-project-tasks", "api-task", "api-jobs", "api-job", "api-job-log",
    "api-dataset-versions", "api-dataset-version", "api-dataset-version-rows", "api-runs", "api-run",
    "api-run-metrics", "api-models", "api-model", "api-members", "api-audit", "api-tokens", "api-me",
    "api-project-export", "api-reward-rules", "api-reward-rule",
]  # fmt: skip
KINDS = {
    "api-project": "project", "api-project-tasks": "project", "api-project-export": "project",
    "api-task": "task", "api-job": "job", "api-job-log": "job", "api-dataset-version": "version",
    "api-dataset-version-rows": "version", "api-run": "run", "api-run-metrics": "run", "api-model": "model",
    "api-reward-rule": "rule",
}  # fmt: skip
PROBES = [
    {"annotator__password__startswith": "pbkdf2"},
    {"ordering": "annotator__password"},
    {"fields": "user__password"},
    {"expand": "user"},
    {"page_size": "1000000000"},
    {"page": "1000000000"},
    {"limit": "-1"},
]


@pytest.mark.parametrize("name", LISTS)
def test_a_parameter_that_does_not_exist_is_refused_never_ignored(cast: Cast, name: str) -> None:
    objects = Objects(cast)
    address = reverse(name, args=[getattr(objects, KINDS[name]).uid] if name in KINDS else [])
    client = script(cast, "api-projects")
    assert client.get(address).status_code == 200
    for probe in PROBES:
        answer = client.get(address, probe)
        assert answer.status_code == 400, probe
        assert list(answer.json()["error"]["fields"]) == list(probe)


OUTSIDE_OF_WORKSPACE = ["dataset_version", "base_model", "reward_model", "second_model"]


@pytest.mark.parametrize("field", OUTSIDE_OF_WORKSPACE)
def test_a_part_of_another_workspace_in_a_body_does_not_exist(cast: Cast, field: str) -> None:
    """The same answer as for an id that nobody has, so that it does not tell what exists elsewhere."""
    objects = Objects(cast)
    theirs = {
        "dataset_version": objects.version,
        "base_model": objects.model.made_by.base_model,
        "reward_model": objects.model.made_by.reward_model,
        "second_model": objects.model.made_by.second_model,
    }
    _token, secret = create_token(membership=cast.charlie, name="script")
    client = Client(headers={"Authorization": f"Token {secret}"})
    before = TrainingRun.objects.count()
    answers = []
    for uid in (str(theirs[field].uid), "01900000-0000-7000-8000-000000000000"):
        body = {"stage": "ppo", "dataset_version": str(objects.version.uid), field: uid}
        answer = client.post(reverse("api-runs"), body, content_type="application/json")
        assert answer.status_code == 422
        answers.append(answer.json())
    assert answers[0] == answers[1]
    assert TrainingRun.objects.count() == before


@pytest.mark.parametrize("extra", ["workspace", "uid", "id", "created_by", "state", "kind", "purpose"])
def test_nobody_sets_what_is_no_setting(cast: Cast, extra: str) -> None:
    client = script(cast, "api-projects")
    body = {"name": "New", extra: str(cast.charlie.workspace.uid)}
    answer = client.post(reverse("api-projects"), body, content_type="application/json")
    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == [extra]
    assert not Project.objects.exists()


def test_small_numbers_and_made_up_ids_lead_nowhere(cast: Cast) -> None:
    objects = Objects(cast)
    client = script(cast, "api-projects")
    assert client.get(reverse("api-project", args=[objects.project.uid])).status_code == 200
    for made_up in ("1", str(objects.project.pk), "01900000-0000-7000-8000-000000000000", "%2e%2e", "a'--"):
        assert client.get(f"/api/v1/projects/{made_up}/").status_code == 404
        assert cast.client(cast.alice).get(f"/w/acme/projects/{made_up}/").status_code == 404


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_no_other_origin_may_read_an_answer(cast: Cast, origin: str) -> None:
    client = cast.client(cast.alice)
    for address in ("/api/v1/me/", "/w/acme/", "/login/"):
        answer = client.get(address, headers={"Origin": origin})
        assert not any(name.lower().startswith("access-control-") for name in answer.headers)


@pytest.mark.parametrize("name", ["a\n2026-01-01 INFO admin logged in", "x" * 1_000_000, "a\r\x1b[2J"])
def test_a_login_name_reaches_no_log_and_is_no_fault(
    client: Client, cast: Cast, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = client.post(reverse("login"), {"email": name, "password": "wrong"})
    assert answer.status_code == 422
    assert "logged in" not in caplog.text
    assert not any(len(record.getMessage()) > 2000 for record in caplog.records)


def test_a_token_is_in_no_answer_but_its_first(cast: Cast) -> None:
    client = script(cast, "api-tokens")
    made = client.post(reverse("api-tokens"), {"name": "other"}, content_type="application/json").json()
    later = "".join(client.get(reverse(name)).content.decode() for name in ("api-tokens", "api-me"))
    assert made["token"] not in later
    assert ApiToken.objects.get(uid=made["uid"]).secret_hash not in later
