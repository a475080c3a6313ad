import logging

import pytest
from django.db import connection
from django.test import Client

STATUSES = [
    ("unreadable", 400),
    ("invalid", 422),
    ("conflict", 409),
    ("denied", 403),
    ("not_found", 404),
    ("too_large", 413),
    ("throttled", 429),
    ("unavailable", 503),
    ("http404", 404),
    ("permission", 403),
    ("suspicious", 400),
    ("body", 413),
    ("database", 503),
    ("value", 422),
    ("bug", 500),
]
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def client(settings) -> Client:
    settings.ROOT_URLCONF = "tests.core.raising_urls"
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(("kind", "status"), STATUSES)
def test_a_page_shows_the_error_as_a_page_of_its_own(client, kind, status):
    answer = client.get(f"/fail/{kind}/")
    page = answer.content.decode()
    assert answer.status_code == status
    assert "<!doctype html>" in page
    assert page.count("<h1>") == 1
    assert answer["X-Request-ID"] in page
    assert "inner detail" not in page
    assert "Traceback" not in page
    assert "<b>with</b>" not in page


@pytest.mark.parametrize(("kind", "status"), STATUSES)
def test_a_fragment_gets_the_notice_alone_and_leaves_the_form(client, kind, status):
    answer = client.get(f"/fail/{kind}/", headers=FRAGMENT)
    assert answer.status_code == status
    assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("#notices", "innerHTML")
    assert answer.content.decode().strip().startswith('<div class="notice notice-bad"')
    assert "<html" not in answer.content.decode()


@pytest.mark.parametrize(("kind", "status"), [*STATUSES, ("validation", 422)])
@pytest.mark.parametrize("path", ["/api/v1/fail/", "/fail/"])
def test_json_gets_code_message_and_fields(client, kind, status, path):
    if kind == "validation" and path == "/fail/":
        pytest.skip("a serializer's error exists in the API only")
    answer = client.get(f"{path}{kind}/", headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/json"
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message", "fields"}
    assert "inner detail" not in answer.content.decode()


def test_the_codes_of_domain_errors_are_stable(client):
    for kind, _status in STATUSES[:8]:
        assert client.get(f"/api/v1/fail/{kind}/").json()["error"]["code"] == kind


@pytest.mark.parametrize("path", ["/fail/invalid/", "/api/v1/fail/invalid/"])
def test_the_reasons_of_fields_are_told_even_for_a_field_called_items(client, path):
    text = client.get(path).content.decode()
    for word in ("name", "is too long", "items", "are missing"):
        assert word in text


def test_a_nested_fields_error_is_named_by_its_path(client):
    answer = client.get("/api/v1/fail/validation/").json()
    assert answer["error"]["fields"] == {"rows.1.name": "is missing", "days": "is no number is empty"}


@pytest.mark.parametrize(("kind", "seconds"), [("throttled", "17"), ("unavailable", "7"), ("database", "5")])
@pytest.mark.parametrize("path", ["/api/v1/fail/", "/fail/"])
def test_what_passes_by_itself_says_when_to_come_back(client, kind, seconds, path):
    assert client.get(f"{path}{kind}/")["Retry-After"] == seconds


def test_unknown_addresses_answer_in_the_form_of_the_caller(client):
    assert client.get("/nothing/here/").status_code == 404
    assert client.get("/api/v1/nothing/").json()["error"]["code"] == "not_found"
    assert "Nothing here" in client.get("/nothing/here/").content.decode()


@pytest.mark.parametrize(
    "path", ["/.env", "/.git/HEAD", "/__debug__/", "/static/../manage.py", "//etc/passwd"]
)
def test_nothing_of_the_installation_is_served(client, path):
    assert client.get(path).status_code in {400, 404}


def test_a_bug_is_logged_under_the_request_id_that_the_page_shows(client, caplog):
    with caplog.at_level(logging.ERROR):
        answer = client.get("/fail/bug/")
    assert answer["X-Request-ID"] in answer.content.decode()
    assert any(record.exc_info for record in caplog.records)


@pytest.fixture
def unreachable_database(transactional_db):
    """The connection of this thread points where no server listens, until the test is over."""
    stored = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict["HOST"] = "/nonexistent"
    yield
    connection.settings_dict.update(stored)


def test_the_error_page_needs_no_database(client, unreachable_database):
    for headers in ({}, FRAGMENT):
        answer = client.get("/database/", headers=headers)
        assert answer.status_code == 503
        assert "The database does not answer" in answer.content.decode()
    assert client.get("/api/v1/nothing/").status_code == 404


def test_a_database_that_is_down_is_a_503_for_somebody_with_a_session_too(client, unreachable_database):
    # The session is read in a middleware, where no view's error handling runs.
    client.cookies["sessionid"] = "anything"
    for path in ("/database/", "/w/acme/me/", "/"):
        answer = client.get(path)
        assert answer.status_code == 503, path
        assert answer["Retry-After"] == "5"
    assert client.get("/api/v1/me/").json()["error"]["code"] == "unavailable"


def test_the_error_page_spends_no_query(client, db, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get("/fail/conflict/")
