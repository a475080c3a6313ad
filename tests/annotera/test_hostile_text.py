"""Whatever people and models write: no page acts on it, and no annotator learns which model wrote what."""

from typing import Any

import pytest
from django.urls import reverse

from tests.annotation.worlds import form_of
from tests.annotera.hostile import LABELS, SECRET_MODEL, HostileObjects, active_content, block
from tests.annotera.test_access_matrix import TABLE, Row, address_of, ask, client_for
from tests.conftest import Cast

READING = [
    Row("assignment", "GET", (302, 200, 404, 404, 404), lambda objects: {"uid": objects.answered.uid}),
    *(row for row in TABLE if row.method == "GET" and row.name not in {"healthz", "readyz"}),
]
EVALUATED = "Z49Z"
# Pages whose parts have addresses of their own.
PARTS = {
    "source": ("tab=uploads", "tab=cleaning", "tab=coverage", "tab=rights"),
    "dataset-version": ("tab=rows&words=on", "tab=files"),
    "deployment": ("show=second",),
}


@pytest.fixture
def objects(cast: Cast) -> HostileObjects:
    made = HostileObjects(cast)
    made.make_everything()
    return made


def body_of(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode()


def addresses_of(row: Row, objects: HostileObjects) -> list[str]:
    address = address_of(row, objects)
    return [address, *(f"{address}?{part}" for part in PARTS.get(row.name, ()))]


def is_html(answer: Any) -> bool:
    return answer.headers.get("Content-Type", "").startswith("text/html")


def check(answer: Any, where: str) -> str:
    """Nothing active in a page; what is no page can not be taken for one."""
    body = body_of(answer)
    assert answer.status_code < 500, where
    assert EVALUATED not in body, where
    if is_html(answer):
        assert active_content(body) == [], where
    else:
        assert answer.headers["X-Content-Type-Options"] == "nosniff", where
    for name, value in answer.headers.items():
        assert "\n" not in value and "<script" not in value, f"{where}: {name}"
    return body


def test_the_check_itself_finds_what_acts() -> None:
    raw = active_content(f"<p>{block('raw')}</p>")
    LABELS.discard("hostile-raw")
    found = " ".join(raw)
    for active in ("onload", "onerror", "<script>", "javascript:a()", "/evil/", "iframe", "<base", "turned"):
        assert active in found, active


@pytest.mark.parametrize("actor", ["alice", "bob"])
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "fragment"])
def test_no_page_acts_on_a_hostile_text(
    cast: Cast, objects: HostileObjects, actor: str, headers: dict[str, str]
) -> None:
    client = cast.client(getattr(cast, actor))
    for address in (address for row in READING for address in addresses_of(row, objects)):
        answer = client.get(address, headers=headers)
        body = check(answer, f"{actor} at {address}")
        if actor == "bob":
            assert SECRET_MODEL not in body, address
            assert SECRET_MODEL not in str(answer.headers), address


def test_every_hostile_text_is_really_shown_somewhere(cast: Cast, objects: HostileObjects) -> None:
    """Else the test above would prove nothing about it."""
    shown = ""
    for client in (cast.client(cast.alice), cast.client(cast.bob)):
        for address in (address for row in READING for address in addresses_of(row, objects)):
            answer = client.get(address)
            if is_html(answer):
                shown += body_of(answer)
    assert {label for label in LABELS if label not in shown} == set()


WRITING = [
    row
    for row in TABLE
    if row.method in {"POST", "PUT"}
    and row.name.startswith(("project-", "assignment-", "api-project-next", "api-assignment-"))
    and row.statuses[1] not in {403, 404}
]


@pytest.mark.parametrize("row", WRITING, ids=lambda row: f"{row.method}-{row.name}")
@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}], ids=["page", "fragment"])
def test_no_answer_to_an_annotators_deed_names_a_model(
    cast: Cast, objects: HostileObjects, row: Row, headers: dict[str, str]
) -> None:
    address = address_of(row, objects)
    client = client_for(cast, "bob", address)
    client.defaults |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    answer = ask(client, row.method, address, row.data(objects))
    body = check(answer, address)
    # The draft of the API follows a version that is not the newest any more.
    assert answer.status_code < 400 or answer.status_code == 409, body
    assert SECRET_MODEL not in body + str(answer.headers)
    assert '"source"' not in body and '"purpose"' not in body and "hostile-external" not in body


def test_a_refused_form_shows_what_was_typed_as_text(cast: Cast, objects: HostileObjects) -> None:
    alice, bob = cast.client(cast.alice), cast.client(cast.bob)
    slug, typed = cast.workspace.slug, block("typed").partition("\N{RIGHT-TO-LEFT OVERRIDE}")[0]
    LABELS.discard("hostile-typed")
    found, project = objects.assignment, objects.project
    rank = {f"rank-{uid}": "" for uid in found.shown_order}
    refused = [
        bob.post(reverse("assignment-submit", args=[slug, found.uid]), {**rank, "rationale": typed}),
        alice.post(reverse("project-new", args=[slug]), {"name": typed, "overlap": typed}),
        alice.post(reverse("project-settings", args=[slug, project.uid]), {"name": typed, "licence": typed}),
        alice.post(reverse("project-freeze", args=[slug, project.uid]), {"heldout_percent": typed}),
        alice.post(reverse("member-invite", args=[slug]), {"email": typed, "role": typed}),
        alice.post(reverse("token-create", args=[slug]), {"name": typed, "days": typed}),
        alice.post(reverse("run-new", args=[slug, "pretrain"]), {"name": typed, "set-steps": typed}),
        alice.post(reverse("rules", args=[slug]), {"project": typed, "threshold": typed, "settings": typed}),
        alice.post(reverse("me", args=[slug]), {"name": typed, "language": typed, "theme": typed}),
        alice.post(reverse("login"), {"email": typed[:200], "password": "x", "next": typed}),
        bob.post(reverse("assignment-skip", args=[slug, found.uid]), {"reason": typed, "note": typed}),
        bob.post(reverse("assignment-draft", args=[slug, found.uid]), {"draft_version": typed}),
    ]
    for answer in refused:
        check(answer, answer.request["PATH_INFO"])
        assert 400 <= answer.status_code < 500, answer.request["PATH_INFO"]


def test_a_conflict_shows_the_recorded_and_the_typed_answer_as_text(
    cast: Cast, objects: HostileObjects
) -> None:
    found = objects.answered
    other = form_of(found, rationale=block("typed"), revision="0")
    LABELS.discard("hostile-typed")
    address = reverse("assignment-submit", args=[cast.workspace.slug, found.uid])
    for headers in ({}, {"HX-Request": "true"}):
        answer = cast.client(cast.bob).post(address, other, headers=headers)
        assert answer.status_code == 409
        assert SECRET_MODEL not in check(answer, address)


def test_a_download_is_named_by_the_server(cast: Cast, objects: HostileObjects) -> None:
    address = reverse("project-export", args=[cast.workspace.slug, objects.project.uid])
    answer = cast.client(cast.alice).get(address)
    disposition = answer.headers["Content-Disposition"]
    assert disposition.startswith('attachment; filename="') and disposition.endswith('-annotations.jsonl"')
    assert disposition.count('"') == 2 and disposition.isascii()
