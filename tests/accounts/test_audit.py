import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.audit import record
from accounts.login import record_failure
from accounts.models import AuditEvent

PAGE = "/w/acme/audit/"
Kind = AuditEvent.Kind


def test_an_admin_reads_who_did_what(cast):
    record(kind=Kind.EXPORTED, membership=cast.rita, object_kind="project", rows=12, address="192.0.2.9")
    page = cast.client(cast.alice).get(PAGE).content.decode()
    for expected in ("exported", "Rita", "project", "rows", "12", "192.0.2.9"):
        assert expected in page


def test_another_workspaces_events_are_not_shown(cast):
    record(kind=Kind.EXPORTED, membership=cast.charlie)
    assert "Charlie" not in cast.client(cast.alice).get(PAGE).content.decode()
    assert cast.api(cast.alice).get("/api/v1/audit/").json()["results"] == []


def test_it_filters_by_kind(cast):
    record(kind=Kind.EXPORTED, membership=cast.rita)
    record(kind=Kind.FROZEN, membership=cast.bob)
    rows = cast.client(cast.alice).get(PAGE, {"kind": "frozen"}).context["rows"]
    assert [row.event.membership for row in rows] == [cast.bob]
    found = cast.api(cast.alice).get("/api/v1/audit/", {"kind": "frozen"}).json()["results"]
    assert [event["kind"] for event in found] == ["frozen"]


@pytest.mark.parametrize("query", ["kind=nothing", "kind=' OR 1=1", "before=!!", "before=LTE", "kind=%00"])
def test_a_bad_filter_or_cursor_is_unreadable(cast, query):
    assert cast.client(cast.alice).get(f"{PAGE}?{query}").status_code == 400
    assert cast.api(cast.alice).get(f"/api/v1/audit/?{query}").status_code == 400


@pytest.mark.parametrize(
    "query",
    ["membership__user__password__startswith=a", "ordering=address", "page_size=1000000000", "limit=-1"],
)
def test_the_api_refuses_parameters_that_it_does_not_know(cast, query):
    for route in ("audit", "members", "tokens", "me"):
        answer = cast.api(cast.alice).get(f"/api/v1/{route}/?{query}")
        assert answer.status_code == 400
        assert query.split("=")[0] in answer.json()["error"]["fields"]


def test_the_pages_together_show_every_event_once(cast):
    made = [record(kind=Kind.EXPORTED, membership=cast.rita).pk for _number in range(120)]
    client, shown, before = cast.client(cast.alice), [], ""
    for _page in range(3):
        context = client.get(PAGE, {"kind": "exported", "before": before}).context
        shown += [event.pk for row in context["rows"] for event in row.events]
        before = context["next_cursor"]
    assert shown == sorted(made, reverse=True)
    assert before == ""


def test_failed_logins_of_members_are_found_and_those_of_others_are_not(cast):
    record_failure(email="bob@example.org", address="192.0.2.66")
    record_failure(email="charlie@example.org", address="192.0.2.67")
    page = cast.client(cast.alice).get(PAGE, {"kind": "login_failed"}).content.decode()
    assert "192.0.2.66" in page
    assert "192.0.2.67" not in page


def test_a_detail_by_a_person_is_escaped(cast):
    record(kind=Kind.PROJECT_CREATED, membership=cast.rita, items="<img src=x onerror=alert(1)>")
    page = cast.client(cast.alice).get(PAGE).content.decode()
    assert "<img" not in page
    assert "&lt;img" in page


def test_the_page_costs_the_same_at_ten_and_at_a_hundred_events(cast):
    client, counts = cast.client(cast.alice), []
    for many in (10, 90):
        for _number in range(many):
            record(kind=Kind.EXPORTED, membership=cast.bob)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 7
