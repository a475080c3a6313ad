"""The audit names what each event was about, links to it while it exists, and narrows to a person."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.audit import record
from accounts.login import record_failure
from accounts.models import AuditEvent
from annotera.audited import KNOWN, in_words
from core.ids import uuid7
from tests.annotation.worlds import make_project
from tests.annotera.objects import Objects
from tests.annotera.test_home import address
from tests.conftest import Cast

Kind = AuditEvent.Kind


@pytest.fixture
def objects(cast: Cast) -> Objects:
    return Objects(cast)


def test_an_event_names_its_project_with_a_link(cast: Cast):
    project = make_project(cast, name="Tone <of> voice")
    record(kind=Kind.EXPORTED, membership=cast.rita, object_kind="project", object_uid=project.uid, rows=12)
    html = cast.client(cast.alice).get(address("audit")).content.decode()
    assert f'href="{address("project", project.uid)}"><bdi dir="auto">Tone &lt;of&gt; voice</bdi></a>' in html
    assert "Exported" in html


def test_every_kind_that_is_known_finds_its_object(cast: Cast, objects: Objects):
    found = {
        "annotation": objects.annotation,
        "dataset_version": objects.version,
        "erasure": objects.erasure,
        "invitation": objects.invitation_and_secret[0],
        "job": objects.job,
        "membership": cast.bob,
        "model_version": objects.model,
        "project": objects.project,
        "source": objects.source,
        "token": objects.token,
        "training_run": objects.run,
    }
    events = [
        record(kind=Kind.REVIEWED, membership=cast.alice, object_kind=kind, object_uid=row.uid)
        for kind, row in found.items()
    ]
    told = {row.event.object_kind: row.thing for row in in_words(workspace=cast.workspace, events=events)}
    assert set(told) <= set(KNOWN)
    assert told["project"].name == objects.project.name
    assert told["token"].url == ""
    for kind, thing in told.items():
        assert thing.name != "not there any more"
        if thing.url:
            assert cast.client(cast.alice).get(thing.url).status_code == 200, kind


def test_what_is_gone_or_of_another_workspace_is_not_named(cast: Cast):
    elsewhere = make_project(cast, name="Secret")
    type(elsewhere).objects.filter(pk=elsewhere.pk).update(workspace=cast.charlie.workspace)
    for uid in (elsewhere.uid, uuid7()):
        record(kind=Kind.EXPORTED, membership=cast.rita, object_kind="project", object_uid=uid)
    html = cast.client(cast.alice).get(address("audit")).content.decode()
    assert "Secret" not in html
    assert html.count("not there any more") == 2


def test_details_are_words_and_ids_stay_among_the_raw_values(cast: Cast):
    event = record(
        kind=Kind.FROZEN, membership=cast.rita, rows={"train": 5, "heldout": 2}, is_active=False,
        sha256="a" * 64, batch=str(uuid7()), file_name="tasks.jsonl", invited_by=None, sent_back=3,
        decision="sent_back",
    )  # fmt: skip
    (row,) = in_words(workspace=cast.workspace, events=[event])
    assert row.details == [
        ("decision", "sent back"),
        ("file", "tasks.jsonl"),
        ("active", "no"),
        ("rows", "training 5, held out 2"),
        ("sent back", "3"),
    ]
    assert dict(row.raw)["sha256"] == "a" * 64


def test_details_do_not_say_again_what_the_event_and_its_link_say(cast: Cast):
    project = make_project(cast, name="Tone of voice")
    event = record(
        kind=Kind.IMPORTED, membership=cast.rita, object_kind="project", object_uid=project.uid,
        name="Tone of voice", rows=12, rejects=0, job="corpus.intake", attempt=1,
    )  # fmt: skip
    (row,) = in_words(workspace=cast.workspace, events=[event])
    assert row.details == [("rows", "12")]
    assert dict(row.raw)["job"] == "corpus.intake"


def test_it_narrows_to_what_one_person_did(cast: Cast):
    record(kind=Kind.EXPORTED, membership=cast.rita)
    record(kind=Kind.FROZEN, membership=cast.bob)
    record_failure(email="rita@example.org", address="192.0.2.66")
    record_failure(email="bob@example.org", address="192.0.2.67")
    client = cast.client(cast.alice)

    def people(**query: object) -> list[object]:
        return [row.event.membership for row in client.get(address("audit"), query).context["rows"]]

    assert people(person=cast.rita.uid) == [cast.rita]
    assert people(person=cast.rita.uid, kind="frozen") == []
    html = client.get(address("audit"), {"person": cast.rita.uid, "kind": "login_failed"}).content.decode()
    assert "192.0.2.66" in html
    assert "192.0.2.67" not in html


@pytest.mark.parametrize("person", ["nonsense", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_person_is_refused(cast: Cast, person: str):
    assert cast.client(cast.alice).get(address("audit"), {"person": person}).status_code == 400
    stranger = {"person": cast.charlie.uid}
    assert cast.client(cast.alice).get(address("audit"), stranger).status_code == 400


def test_naming_costs_one_query_for_each_kind_and_none_for_each_row(cast: Cast):
    client, counts = cast.client(cast.alice), []
    for many in (5, 40):
        for number in range(many):
            project = make_project(cast, name=f"P{many}-{number}")
            record(kind=Kind.EXPORTED, membership=cast.bob, object_kind="project", object_uid=project.uid)
            record(
                kind=Kind.ROLE_CHANGED, membership=cast.bob, object_kind="membership", object_uid=cast.bob.uid
            )
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address("audit")).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


def test_equal_events_one_behind_the_other_are_one_line_with_their_number(cast: Cast):
    for address_of in ("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"):
        record(kind=Kind.LOGIN, membership=cast.bob, address=address_of)
    record(kind=Kind.EXPORTED, membership=cast.rita)
    record(kind=Kind.LOGIN, membership=cast.bob, address="192.0.2.2")
    events = list(AuditEvent.objects.filter(workspace=cast.workspace).order_by("-pk")[:6])
    rows = in_words(workspace=cast.workspace, events=events)
    assert [row.events for row in rows] == [events[:1], events[1:2], events[2:3], events[3:]]
    assert [row.event for row in rows] == events[:4]
    assert "3 times" in cast.client(cast.alice).get(address("audit")).content.decode()
