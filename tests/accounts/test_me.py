import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.audit import record
from accounts.models import AuditEvent, User
from tests.accounts.people import add_person, log_in
from tests.conftest import PASSWORD

PAGE = "/w/acme/me/"
SETTINGS = {
    "name": "Bob B.",
    "time_zone": "Asia/Kolkata",
    "language": "en",
    "theme": "dark",
    "single_key_shortcuts": "on",
}


@pytest.fixture
def dora(cast):
    return add_person(cast.workspace, "Dora")


def stored(membership) -> User:
    return User.objects.get(pk=membership.user_id)


def test_settings_are_saved_and_shown(cast):
    bob = cast.client(cast.bob)
    answer = bob.post(PAGE, SETTINGS)
    assert answer["Location"] == PAGE
    assert answer.cookies["theme"].value == "dark"
    user = stored(cast.bob)
    assert (user.name, user.time_zone, user.theme) == ("Bob B.", "Asia/Kolkata", "dark")
    page = bob.get(PAGE).content.decode()
    assert 'data-theme="dark"' in page
    assert "Your settings are saved." in page


def test_single_key_shortcuts_can_be_switched_off(cast):
    bob = cast.client(cast.bob)
    assert "data-single-keys" in bob.get(PAGE).content.decode()
    bob.post(PAGE, {name: value for name, value in SETTINGS.items() if name != "single_key_shortcuts"})
    assert not stored(cast.bob).single_key_shortcuts
    assert "data-single-keys" not in bob.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 121),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", "../../etc/passwd"),
        ("language", "tlh"),
        ("theme", "neon"),
    ],
)
def test_a_bad_setting_is_refused_and_nothing_is_saved(cast, field, value):
    answer = cast.client(cast.bob).post(PAGE, {**SETTINGS, field: value})
    assert answer.status_code == 422
    assert stored(cast.bob).name == "Bob"


def test_nobody_sets_more_than_the_form_offers(cast):
    cast.client(cast.bob).post(PAGE, {**SETTINGS, "email": "x@example.org", "role": "admin", "is_active": ""})
    cast.bob.refresh_from_db()
    assert (stored(cast.bob).email, cast.bob.role) == ("bob@example.org", "annotator")


def test_times_are_shown_in_the_persons_zone_else_in_the_workspaces(cast):
    record(kind=AuditEvent.Kind.TOKEN_CREATED, membership=cast.bob)
    bob = cast.client(cast.bob)

    def zone_shown() -> str:
        return re.search(r'title="[^"]* (\w+)">just now', bob.get(PAGE).content.decode())[1]

    assert zone_shown() == "UTC"
    cast.workspace.time_zone = "America/New_York"
    cast.workspace.save()
    assert zone_shown() in {"EST", "EDT"}
    User.objects.filter(pk=cast.bob.user_id).update(time_zone="Asia/Kolkata")
    assert zone_shown() == "IST"


def test_one_persons_zone_does_not_leak_into_the_next_request(cast):
    User.objects.filter(pk=cast.bob.user_id).update(time_zone="Asia/Kolkata")
    record(kind=AuditEvent.Kind.TOKEN_CREATED, membership=cast.alice)
    cast.client(cast.bob).get(PAGE)
    assert " IST" not in cast.client(cast.alice).get(PAGE).content.decode()


def test_an_unknown_zone_in_the_row_breaks_no_page(cast):
    User.objects.filter(pk=cast.bob.user_id).update(time_zone="Atlantis/Capital")
    assert cast.client(cast.bob).get(PAGE).status_code == 200


def test_a_changed_password_ends_all_other_sessions(cast, dora):
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        log_in(client, "dora@example.org")
    answer = here.post(f"{PAGE}password/", {"current": PASSWORD, "new": "another good sentence"})
    assert answer["Location"] == PAGE
    assert here.get(PAGE).status_code == 200
    assert elsewhere.get(PAGE).status_code == 302
    assert log_in(Client(), "dora@example.org").status_code == 422
    assert log_in(Client(), "dora@example.org", "another good sentence").status_code == 302
    (event,) = AuditEvent.objects.filter(kind="password_changed")
    assert (event.membership, event.address) == (dora, "127.0.0.1")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"current": "wrong", "new": "another good sentence"}, "This is not your present password."),
        ({"current": PASSWORD, "new": "short"}, "at least 10"),
        ({"current": PASSWORD, "new": "dora@example.org"}, "too similar"),
        ({"current": PASSWORD}, "required"),
    ],
)
def test_a_refused_password_changes_nothing(cast, dora, client, values, complaint):
    log_in(client, "dora@example.org")
    answer = client.post(f"{PAGE}password/", values)
    assert answer.status_code == 422
    assert complaint in answer.content.decode()
    assert stored(dora).check_password(PASSWORD)


def test_a_person_sees_what_is_recorded_about_her_and_nothing_about_others(cast):
    record(kind=AuditEvent.Kind.TOKEN_CREATED, membership=cast.bob, address="192.0.2.77")
    page = cast.client(cast.bob).get(PAGE).content.decode()
    assert cast.bob.pseudonym in page
    assert "192.0.2.77" in page
    assert "192.0.2.77" not in cast.client(cast.alice).get(PAGE).content.decode()


def test_the_same_again_and_again_is_one_line_of_my_events(cast):
    for _login in range(3):
        record(kind=AuditEvent.Kind.LOGIN, membership=cast.bob, address="192.0.2.77")
    record(kind=AuditEvent.Kind.LOGIN, membership=cast.bob, address="192.0.2.78")
    page = cast.client(cast.bob).get(PAGE).content.decode()
    assert page.count("3 times") == 1
    assert page.count("Logged in") == 2
    assert page.count("192.0.2.77") == page.count("192.0.2.78") == 1


def test_the_page_costs_the_same_at_ten_and_at_a_hundred_events(cast):
    client, counts = cast.client(cast.bob), []
    for many in (10, 90):
        for _number in range(many):
            record(kind=AuditEvent.Kind.EXPORTED, membership=cast.bob)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


def test_a_members_page_is_kept_out_of_caches(cast):
    answer = cast.client(cast.bob).get(PAGE)
    assert "no-store" in answer["Cache-Control"]
    assert "HX-Request" in answer["Vary"]
