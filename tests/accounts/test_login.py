import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from accounts.login import (
    FAILURES_PER_ADDRESS,
    FAILURES_PER_PERSON,
    FAILURES_PER_PERSON_AND_ADDRESS,
    record_failure,
)
from accounts.models import AuditEvent, Role, User
from tests.accounts.people import add_person, events, log_in
from tests.conftest import PASSWORD

WRONG = "The e-mail address or the password is wrong."


@pytest.fixture
def dora(cast):
    return add_person(cast.workspace, "Dora")


def test_a_person_logs_in_and_lands_in_the_only_workspace(client, dora):
    answer = log_in(client, "dora@example.org")
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/")["Location"] == "/w/acme/"


def test_the_case_and_blanks_of_the_address_do_not_matter(client, dora):
    assert log_in(client, "  Dora@Example.ORG ").status_code == 302


def test_a_login_is_an_event_of_each_workspace_with_the_address_it_came_from(client, cast, dora):
    from_other = cast.charlie.workspace.memberships.create(
        user=dora.user, role=Role.ANNOTATOR, pseudonym="p-second"
    )
    log_in(client, "dora@example.org")
    found = events(AuditEvent.Kind.LOGIN)
    assert {event.membership for event in found} == {dora, from_other}
    assert {event.address for event in found} == {"127.0.0.1"}
    assert all(event.request_id for event in found)


def test_the_session_key_and_the_csrf_token_change_at_login(dora):
    client = Client()
    client.get("/login/")
    session = client.session
    session["planted"] = "by an attacker"
    session.save()
    before = session.session_key
    client.cookies["sessionid"] = before
    log_in(client, "dora@example.org")
    assert client.cookies["sessionid"].value != before


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("dora@example.org", "wrong password"),
        ("nobody@example.org", PASSWORD),
        ("closed@example.org", PASSWORD),
        ("dora@example.org'; DROP TABLE", PASSWORD),
    ],
)
def test_every_failure_reads_the_same(client, cast, dora, email, password):
    closed = add_person(cast.workspace, "Closed").user
    closed.is_active = False
    closed.save()
    answer = log_in(client, email, password)
    assert answer.status_code == 422
    assert WRONG in answer.content.decode()
    assert "sessionid" not in client.cookies
    assert len(events(AuditEvent.Kind.LOGIN_FAILED)) == 1


def test_a_failure_keeps_neither_the_address_tried_nor_the_password(client, dora):
    log_in(client, "dora@example.org", "hunter2 hunter2")
    (event,) = AuditEvent.objects.filter(kind="login_failed").values()
    assert "dora" not in str(event)
    assert "hunter2" not in str(event)
    assert event["workspace_id"] is None


def test_an_unknown_address_takes_as_long_as_a_known_one(client, cast, settings, quick_hashes):
    settings.PASSWORD_HASHERS = quick_hashes
    add_person(cast.workspace, "Dora")

    def seconds(email: str) -> float:
        started = time.perf_counter()
        log_in(Client(), email, "wrong password")
        return time.perf_counter() - started

    log_in(client, "warm@example.org", "wrong password")
    known = min(seconds("dora@example.org") for _attempt in range(3))
    unknown = min(seconds(f"nobody{attempt}@example.org") for attempt in range(3))
    # Without the equalising hash the unknown address answers several times faster.
    assert unknown > known / 2


def test_the_typed_address_stays_in_the_form_and_the_password_does_not(client, dora):
    page = log_in(client, "dora@example.org", "secret that was wrong").content.decode()
    assert "dora@example.org" in page
    assert "secret that was wrong" not in page


def test_guessing_one_person_is_throttled_even_with_the_right_password(client, dora):
    for _attempt in range(FAILURES_PER_PERSON_AND_ADDRESS):
        assert log_in(client, "dora@example.org", "wrong").status_code == 422
    answer = log_in(client, "dora@example.org")
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert "Too many failed attempts" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_guesses_sent_at_the_same_time_do_not_slip_past_the_limit(committed_cast):
    add_person(committed_cast.workspace, "Dora")

    def guess(number: int) -> int:
        try:
            return log_in(Client(), "dora@example.org", f"guess {number}").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(guess, range(24)))
    assert statuses.count(422) == FAILURES_PER_PERSON_AND_ADDRESS
    assert statuses.count(429) == 24 - FAILURES_PER_PERSON_AND_ADDRESS


def test_an_unknown_address_is_throttled_alike(client, cast):
    for _attempt in range(FAILURES_PER_PERSON_AND_ADDRESS):
        log_in(client, "nobody@example.org", "wrong")
    assert log_in(client, "nobody@example.org", "wrong").status_code == 429


def test_a_stranger_elsewhere_does_not_lock_a_person_out(client, dora):
    for _attempt in range(FAILURES_PER_PERSON_AND_ADDRESS):
        client.post("/login/", {"email": "dora@example.org", "password": "x"}, REMOTE_ADDR="203.0.113.5")
    assert log_in(client, "dora@example.org").status_code == 302


def fail_from_many_addresses(how_many: int, email: str) -> None:
    for number in range(how_many):
        record_failure(email=email, address=f"203.0.113.{number % 250}")


def test_guessing_from_many_addresses_is_bounded_too(client, dora):
    fail_from_many_addresses(FAILURES_PER_PERSON, "dora@example.org")
    assert log_in(client, "dora@example.org").status_code == 429


def test_trying_many_people_from_one_address_is_throttled(client, dora):
    for number in range(FAILURES_PER_ADDRESS):
        record_failure(email=f"person{number}@example.org", address="127.0.0.1")
    assert log_in(client, "dora@example.org").status_code == 429


def test_a_forged_forwarding_header_does_not_escape_the_throttle(client, dora):
    for number in range(FAILURES_PER_PERSON_AND_ADDRESS):
        client.post(
            "/login/",
            {"email": "dora@example.org", "password": "wrong"},
            headers={"X-Forwarded-For": f"198.51.100.{number}"},
        )
    assert log_in(client, "dora@example.org").status_code == 429


def test_a_trusted_proxy_names_the_address(client, dora, settings):
    settings.TRUSTED_PROXY = True
    client.post(
        "/login/",
        {"email": "dora@example.org", "password": PASSWORD},
        headers={"X-Forwarded-For": "6.6.6.6, 198.51.100.7"},
    )
    assert events(AuditEvent.Kind.LOGIN)[0].address == "198.51.100.7"


def test_a_broken_forwarding_header_is_no_address(client, dora, settings):
    settings.TRUSTED_PROXY = True
    data = {"email": "dora@example.org", "password": PASSWORD}
    assert client.post("/login/", data, headers={"X-Forwarded-For": "unknown"}).status_code == 302
    assert events(AuditEvent.Kind.LOGIN)[0].address is None


def test_failures_of_an_hour_ago_are_forgotten(client, dora, cast):
    fail_from_many_addresses(FAILURES_PER_PERSON, "dora@example.org")
    long_ago = cast.workspace.created_at.replace(year=2020)
    AuditEvent.objects.filter(kind="login_failed").update(created_at=long_ago)
    assert log_in(client, "dora@example.org").status_code == 302


@pytest.mark.parametrize(
    ("target", "lands_on"),
    [
        ("/w/acme/me/", "/w/acme/me/"),
        ("http://testserver/w/acme/me/", "http://testserver/w/acme/me/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("http:///evil.example", "/"),
        (" //evil.example", "/"),
        ("", "/"),
    ],
)
def test_next_leads_only_to_this_host(client, dora, target, lands_on):
    assert log_in(client, "dora@example.org", next=target)["Location"] == lands_on


def test_the_form_carries_next_over_but_not_to_another_host(client, cast):
    assert 'value="/w/acme/me/"' in client.get("/login/?next=/w/acme/me/").content.decode()
    assert "evil" not in client.get("/login/?next=https://evil.example/").content.decode()


def test_who_is_logged_in_already_passes_the_login_page(cast):
    assert cast.client(cast.bob).get("/login/?next=/w/acme/me/")["Location"] == "/w/acme/me/"


def test_the_login_form_needs_its_csrf_token(dora):
    client = Client(enforce_csrf_checks=True)
    answer = log_in(client, "dora@example.org")
    assert answer.status_code == 403
    assert "out of date" in answer.content.decode()


def test_logout_ends_the_session_and_needs_a_post(client, dora):
    log_in(client, "dora@example.org")
    assert client.get("/logout/").status_code == 405
    assert client.get("/w/acme/me/").status_code == 200
    assert client.post("/logout/")["Location"] == "/login/"
    assert client.get("/w/acme/me/").status_code == 302
    assert [event.membership for event in events(AuditEvent.Kind.LOGOUT)] == [dora]


def test_a_person_without_a_workspace_is_told_so(client, cast):
    User.objects.create_user("eve@example.org", PASSWORD, name="Eve")
    log_in(client, "eve@example.org")
    assert "not a member of any workspace" in client.get("/").content.decode()
    assert len(events(AuditEvent.Kind.LOGIN)) == 1


def test_a_person_with_two_workspaces_chooses(client, cast, dora):
    cast.charlie.workspace.memberships.create(user=dora.user, role=Role.REVIEWER, pseudonym="p-two")
    log_in(client, "dora@example.org")
    page = client.get("/").content.decode()
    assert "/w/acme/" in page
    assert "/w/other/" in page


def test_only_who_has_several_workspaces_is_offered_the_way_to_them(client, cast, dora):
    log_in(client, "dora@example.org")
    assert "Your workspaces" not in client.get("/w/acme/").content.decode()
    other = cast.charlie.workspace.memberships.create(user=dora.user, role=Role.REVIEWER, pseudonym="p-two")
    assert "Your workspaces" in client.get("/w/acme/").content.decode()
    other.is_active = False
    other.save()
    assert "Your workspaces" not in client.get("/w/acme/").content.decode()


@pytest.mark.parametrize("field", ["email", "password"])
def test_hostile_input_is_refused_without_a_fault(client, cast, field):
    values = {"email": "dora@example.org", "password": "wrong"}
    for hostile in ("a\x00b", "x" * 5000, "𝔘𝔫𝔦 \u202e code", "' OR 1=1 --"):
        assert client.post("/login/", {**values, field: hostile}).status_code == 422
