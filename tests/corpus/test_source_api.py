"""Sources, documents and cleanings over HTTP."""

import json
from pathlib import Path
from typing import Any

import pytest

from corpus import cleaning_runs
from corpus.models import CleaningRun, DatasetVersion, Document, Source
from tests.annotera.test_api_abuse import PROBES, UNREADABLE, VALUES, script
from tests.conftest import Cast
from tests.corpus.access_rows import DESCRIPTION
from tests.corpus.collected import add_documents, make_source


@pytest.fixture
def source(cast: Cast, tmp_path: Path) -> Source:
    made = make_source(cast)
    add_documents(made, cast, "One text.", "one TEXT.", "Another one.", folder=tmp_path)
    return made


def send(cast: Cast, path: str, body: bytes, **headers: str) -> Any:
    return script(cast, "api-projects").post(
        f"/api/v1/{path}", body, content_type="application/x-ndjson", headers=headers
    )


def test_a_source_is_described_listed_and_read(cast: Cast) -> None:
    api = cast.api(cast.alice)
    made = api.post("/api/v1/sources/", DESCRIPTION, format="json")
    assert made.status_code == 201
    body = made.json()
    assert (body["licence"], body["documents"]) == ("MIT", {"kept": 0, "removed": 0, "erased": 0})
    assert api.get("/api/v1/sources/").json()["results"] == [body]
    assert cast.api(cast.rita).get(f"/api/v1/sources/{body['uid']}/").json() == body


def test_the_same_key_describes_one_source(cast: Cast) -> None:
    client = script(cast, "api-projects")
    answers = [
        client.post("/api/v1/sources/", DESCRIPTION, content_type="application/json",
                    headers={"Idempotency-Key": "k1"})
        for _each in range(2)
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert Source.objects.count() == 1


def test_documents_come_in_all_or_none(cast: Cast, source: Source) -> None:
    path = f"sources/{source.uid}/documents/"
    good = send(cast, path, b'{"text": "New.", "id": "n1"}\n\n{"text": "Newer."}\n')
    assert (good.status_code, good.json()["documents"]) == (201, 2)
    bad = send(cast, path, b'{"text": "New."}\n{"text": "a\\u0000"}\nnot json\n')
    assert bad.status_code == 422
    assert set(bad.json()["error"]["fields"]) == {"line 2", "line 3"}
    again = send(cast, path, b'{"text": "New.", "id": "n1"}')
    assert again.json()["error"]["fields"] == {"line 1": "id exists already in this source"}
    assert Document.objects.count() == 5


BAD_BODIES = {
    "empty": b"",
    "blank lines": b"\n\n\n",
    "UTF-16": '{"text": "a"}'.encode("utf-16"),
    "latin-1": '{"text": "é"}'.encode("latin-1"),
    "half a character": b'{"text": "\\ud800"}',
    "deep": b"[" * 100_000,
    "a list of documents": b'[{"text": "a"}]',
    "gzip": b"\x1f\x8b\x08\x00\x00",
    "cut off": b'{"text": "a',
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_bad_body_is_refused_and_stores_nothing(cast: Cast, source: Source, body: bytes) -> None:
    answer = send(cast, f"sources/{source.uid}/documents/", body)
    assert answer.status_code == 422
    assert set(answer.json()["error"]) == {"code", "message", "fields"}
    assert Document.objects.count() == 3


def test_more_than_ten_megabytes_are_sent_as_a_file(cast: Cast, source: Source) -> None:
    for size in (10_500_000, 12_000_000):
        answer = send(cast, f"sources/{source.uid}/documents/", b'{"text": "' + b"x" * size + b'"}')
        assert answer.status_code == 413
        assert "Upload" in answer.json()["error"]["message"]


def test_the_list_of_documents_is_by_state_and_without_texts(cast: Cast, source: Source) -> None:
    api, path = cast.api(cast.rita), f"/api/v1/sources/{source.uid}/documents/"
    rows = api.get(path).json()["results"]
    assert len(rows) == 3 and "text" not in rows[0]
    assert api.get(f"{path}?state=removed").json()["results"] == []
    assert api.get(f"{path}?state=lost").status_code == 400


def test_cleaning_goes_its_way(cast: Cast, source: Source) -> None:
    api, path = cast.api(cast.alice), f"/api/v1/sources/{source.uid}/cleanings/"
    made = api.post(path, {"steps": ["exact_duplicates"]}, format="json")
    assert (made.status_code, made.json()["state"]) == (201, "previewing")
    run = CleaningRun.objects.get()
    one = f"/api/v1/cleanings/{run.uid}/"
    assert api.post(f"{one}apply/").status_code == 409
    cleaning_runs.preview_now(run)
    assert api.get(one).json()["report"]["removed"] == 1
    assert api.post(f"{one}apply/").status_code == 202
    cleaning_runs.apply_now(run)
    assert Document.objects.filter(state="removed").count() == 1
    assert api.post(f"{one}restore/").json()["state"] == "restored"
    assert api.get(path).json()["results"][0]["uid"] == str(run.uid)


def test_a_corpus_or_prompts_are_frozen(cast: Cast, source: Source) -> None:
    for kind in ("corpus", "prompts"):
        body = {"sources": [str(source.uid)], "name": kind, "kind": kind, "heldout_share": 0.5}
        answer = cast.api(cast.alice).post("/api/v1/sources/freeze/", body, format="json")
        assert answer.status_code == 201
        version = DatasetVersion.objects.get(uid=answer.json()["dataset_version"])
        assert (version.dataset.kind, version.train_rows + version.heldout_rows) == (kind, 3)


def test_a_source_of_another_workspace_does_not_exist(cast: Cast, source: Source) -> None:
    """The same answer as for an id that nobody has."""
    api = cast.api(cast.charlie)
    answers = []
    for uid in (str(source.uid), "01900000-0000-7000-8000-000000000000"):
        answer = api.post("/api/v1/sources/freeze/", {"sources": [uid], "name": "X"}, format="json")
        answers.append((answer.status_code, answer.json()))
    assert answers[0] == answers[1]
    assert answers[0][0] == 422


FIELDS = {
    "sources/": (*DESCRIPTION, "holder", "consent_reference", "collected_on", "retention_until", "filters",
                 "filters.least_words", "filters.\\ud800", "workspace", "\\ud800"),
    "sources/{}/cleanings/": ("steps", "near_threshold", "quality", "quality.least_words", "\\ud800"),
    "sources/freeze/": ("sources", "name", "kind", "heldout_share", "note", "\\ud800"),
}  # fmt: skip


@pytest.mark.parametrize("path", FIELDS)
def test_no_value_in_any_field_is_a_fault_of_ours(cast: Cast, source: Source, path: str) -> None:
    client, broken = script(cast, "api-projects"), {}
    good: dict[str, Any] = {
        "sources/": DESCRIPTION,
        "sources/freeze/": {"sources": [str(source.uid)], "name": "Corpus"},
    }.get(path, {})
    for field in FIELDS[path]:
        outer, _dot, inner = field.partition(".")
        for kind, value in VALUES.items():
            rest = {key: json.dumps(given) for key, given in good.items() if key != outer}
            rest[outer] = f'{{"{inner}": {value}}}' if inner else value
            body = "{" + ", ".join(f'"{key}": {text}' for key, text in rest.items()) + "}"
            address = f"/api/v1/{path.format(source.uid)}"
            answer = client.post(address, body.encode(), content_type="application/json")
            if answer.status_code >= 500:
                broken[f"{field}: {kind}"] = answer.status_code
            elif answer.status_code >= 400:
                assert set(answer.json()["error"]) == {"code", "message", "fields"}, (field, kind)
    assert broken == {}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_json_object_describes_no_source(cast: Cast, body: bytes) -> None:
    answer = script(cast, "api-projects").post("/api/v1/sources/", body, content_type="application/json")
    assert answer.status_code == 400
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    "path", ["sources/", "sources/{}/", "sources/{}/documents/", "sources/{}/cleanings/"]
)
def test_an_unknown_parameter_is_refused(cast: Cast, source: Source, path: str) -> None:
    client = script(cast, "api-projects")
    for probe in PROBES:
        assert client.get(f"/api/v1/{path.format(source.uid)}", probe).status_code == 400
