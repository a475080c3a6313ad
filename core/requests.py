"""The request id: one per request, in the log, the audit, the job and the engine that follow from it."""

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar

from django.http import HttpRequest, HttpResponse

from core.ids import uuid7

HEADER = "X-Request-ID"
ACCEPTED = re.compile(r"\A[A-Za-z0-9-]{8,64}\Z")

_current: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """The id of the request, job or command that is running; empty outside of one."""
    return _current.get()


def bind_request_id(value: str) -> None:
    """Continue under the id of the request that caused this work, e.g. in a worker."""
    _current.set(value)


def is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def wants_json(request: HttpRequest) -> bool:
    if request.path.startswith("/api/"):
        return True
    return request.headers.get("Accept", "").startswith("application/json")


class RequestIdMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        offered = request.headers.get(HEADER, "")
        bind_request_id(offered if ACCEPTED.match(offered) else str(uuid7()))
        response = self.get_response(request)
        response[HEADER] = current_request_id()
        return response


class RequestIdFilter(logging.Filter):
    """Puts the request id into every log record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id() or "-"
        return True
