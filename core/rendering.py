"""Turns an expected failure into a page, a fragment or JSON, and keeps unexpected ones apart from them."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import psycopg
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, RawPostDataException
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from core.errors import Denied, DomainError, Invalid, NotFound, TooLarge, Unavailable, Unreadable
from core.requests import current_request_id, is_htmx, wants_json

logger = logging.getLogger(__name__)


class FormOutOfDate(Denied):
    code = "csrf"


class Broken(DomainError):
    """A fault of ours: the log has it under the request id."""

    status = 500
    code = "server_error"


def error_body(*, code: str, message: str, fields: dict[str, str] | None = None) -> dict[str, Any]:
    """The one shape of errors in JSON."""
    told = {sendable(name): sendable(reason) for name, reason in (fields or {}).items()}
    return {"error": {"code": code, "message": sendable(message), "fields": told}}


def sendable(text: str) -> str:
    """An error quotes names from the request, and JSON may hold half a character that UTF-8 cannot."""
    return str(text).encode("utf-8", "backslashreplace").decode()


def as_domain_error(exception: BaseException | None) -> DomainError | None:
    """The domain error that stands for an exception of Django or the database, if there is one."""
    if isinstance(exception, DomainError):
        return exception
    if isinstance(exception, Http404):
        return NotFound(_("There is nothing at this address."))
    if isinstance(exception, PermissionDenied):
        return Denied(_("Your role does not allow this."))
    if isinstance(exception, RequestDataTooBig):
        return TooLarge(_("The request is too large: upload a file instead."))
    # The second is a form with files where another body was expected.
    if isinstance(exception, SuspiciousOperation | RawPostDataException):
        return Unreadable(_("The request could not be read."))
    return _as_database_error(exception)


def _as_database_error(exception: BaseException | None) -> DomainError | None:
    if isinstance(exception, OperationalError | InterfaceError | psycopg.errors.OperationalError):
        return Unavailable(_("The database does not answer. Nothing was saved; try again in a few seconds."))
    if isinstance(exception, DataError):
        # The fields are checked before; this is the net under a check that was forgotten.
        logger.warning("the database refused a value: %s", exception)
        return Invalid(_("A value is too long or holds a character that cannot be stored."))
    return None


def error_response(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Answer with the error in the form that the caller can read."""
    response = _body_for(request, error)
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    response.setdefault("Cache-Control", "no-store")
    return response


def _body_for(request: HttpRequest, error: DomainError) -> HttpResponse:
    if wants_json(request):
        content = error_body(code=error.code, message=error.message, fields=error.fields)
        return JsonResponse(content, status=error.status)
    template = "errors/page.html#notice" if is_htmx(request) else "errors/page.html"
    # Without the request no context processor runs: the page needs neither session nor database.
    reasons = list(error.fields.items())
    html = render_to_string(
        template, {"error": error, "reasons": reasons, "request_id": current_request_id()}
    )
    response = HttpResponse(html, status=error.status)
    if is_htmx(request):
        # The form stays as the person left it; only the notice area changes.
        response["HX-Retarget"] = "#notices"
        response["HX-Reswap"] = "innerHTML"
    return response


class ErrorMiddleware:
    """The one handler of DomainError for pages; the API has its twin in `core.api`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        error = as_domain_error(exception)
        if error is None:
            return None
        if error.status >= 500:
            logger.error("%s: %s", type(exception).__name__, exception)
        return error_response(request, error)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(request, NotFound(_("There is nothing at this address.")))


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(request, Denied(_("Your role does not allow this.")))


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What middleware refuses before a view runs: a foreign host name, a body over the limit."""
    error = as_domain_error(exception) or Unreadable(_("The request could not be read."))
    return error_response(request, error)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    message = _("This form is out of date: go back, reload the page and send it again.")
    return error_response(request, FormOutOfDate(message))


def server_error(request: HttpRequest) -> HttpResponse:
    """The last resort; an exception in a middleware comes here without passing `process_exception`."""
    expected = as_domain_error(sys.exc_info()[1])
    if expected is not None:
        return error_response(request, expected)
    message = _("Something broke on our side. Nothing was saved. The request id %(id)s finds it in the log.")
    return error_response(request, Broken(message % {"id": current_request_id()}))
