import logging
import sys

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from core.logs import LONGEST_MESSAGE, LineFormatter
from core.requests import RequestIdFilter, RequestIdMiddleware, bind_request_id, current_request_id


def ask(**headers: str) -> tuple[HttpResponse, str]:
    """The response, and the id that was current while the view ran."""
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(current_request_id())
        return HttpResponse()

    response = RequestIdMiddleware(view)(RequestFactory().get("/", headers=headers))
    return response, seen[0]


def test_a_request_gets_an_id_of_its_own_that_the_answer_echoes():
    first, second = ask(), ask()
    assert first[0]["X-Request-ID"] == first[1]
    assert first[1] != second[1]


def test_a_given_id_is_kept():
    response, seen = ask(**{"X-Request-ID": "abc-123-DEF-456"})
    assert response["X-Request-ID"] == seen == "abc-123-DEF-456"


@pytest.mark.parametrize(
    "offered", ["short", "x" * 65, "a b c d e f", "id\nforged: line", "<script>alert(1)"]
)
def test_an_id_that_could_forge_a_line_is_replaced(offered):
    response, seen = ask(**{"X-Request-ID": offered})
    assert response["X-Request-ID"] == seen != offered


def line(message: str, *arguments: object, fault: BaseException | None = None) -> str:
    exc_info = (type(fault), fault, fault.__traceback__) if fault else None
    record = logging.LogRecord("app", logging.INFO, __file__, 1, message, arguments, exc_info)
    RequestIdFilter().filter(record)
    return LineFormatter().format(record)


def test_a_line_carries_time_level_logger_and_request_id():
    bind_request_id("request-0001")
    try:
        written = line("hello %s", "you")
    finally:
        bind_request_id("")
    assert written.endswith(" INFO app [request-0001] hello you")


@pytest.mark.parametrize(
    "hostile",
    [
        "a\n2026-11-22T00:00:00.000+00:00 INFO app [-] admin logged in",
        "a\r\nb",
        "\x1b[2Jcleared",
        "a\u2028b",
        "a\x85b",
        "a\x00b",
        "\u202eright to left",
        "\ud800",
    ],
)
def test_hostile_text_stays_on_its_line_and_cannot_move_the_cursor(hostile):
    written = line("login failed: %s", hostile)
    assert len(written.splitlines()) == 1
    assert written.isprintable()


def test_a_long_message_is_cut():
    assert len(line("%s", "x" * 1_000_000)) < LONGEST_MESSAGE + 200


def test_a_traceback_that_quotes_hostile_text_has_no_line_like_a_record():
    try:
        raise ValueError("broken\n2026-11-22T00:00:00.000+00:00 INFO app [-] admin logged in")
    except ValueError:
        fault = sys.exc_info()[1]
    first, *rest = line("failed", fault=fault).splitlines()
    assert first.endswith("failed")
    assert any("ValueError" in part for part in rest)
    assert all(part.startswith("    ") for part in rest)
