"""Turns an expected failure into a page, a fragment or JSON, and keeps unexpected ones apart from them."""

import logging
from collections.abc import Callable
from typing import Any

import psycopg
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from core.errors import DomainError, NotFound, TooLarge, Unavailable, Unreadable
from core.requests import current_request_id, is_htmx, wants_json

logger = logging.getLogger(__name__)


def error_body(*, code: str, message: str, fields: dict[str, str] | None = None) -> dict[str, Any]:
    """The one shape of errors in JSON."""
    return {"error": {"code": code, "message": message, "fields": fields or {}}}


def as_domain_error(exception: Exception) -> DomainError | None:
    """The domain error that stands for an exception of Django or the database, if there is one."""
    if isinstance(exception, DomainError):
        return exception
    if isinstance(exception, Http404):
        return NotFound(_("There is nothing at this address."))
    if isinstance(exception, RequestDataTooBig):
        return TooLarge(_("The request is too large: upload a file instead."))
    if isinstance(exception, SuspiciousOperation):
        return Unreadable(_("The request could not be read."))
    if isinstance(exception, OperationalError | InterfaceError | psycopg.errors.OperationalError):
        return Unavailable(_("The database does not answer. Nothing was saved; try again in a few seconds."))
    return None


def error_response(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Answer with the error in the form that the caller can read."""
    response = _body_for(request, error)
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def _body_for(request: HttpRequest, error: DomainError) -> HttpResponse:
    if wants_json(request):
        content = error_body(code=error.code, message=error.message, fields=error.fields)
        return JsonResponse(content, status=error.status)
    template = "errors/page.html#notice" if is_htmx(request) else "errors/page.html"
    context = {"error": error, "request_id": current_request_id()}
    html = render_to_string(template, context, request=request)
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


def denied(request: HttpRequest, exception: PermissionDenied) -> HttpResponse:
    error = DomainError(_("Your role does not allow this."))
    error.status, error.code = 403, "denied"
    return error_response(request, error)


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_response(request, Unreadable(_("The request could not be read.")))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    error = DomainError(
        _("This form is out of date: reload the page and send it again. Your text is still there.")
    )
    error.status, error.code = 403, "csrf"
    return error_response(request, error)


def server_error(request: HttpRequest) -> HttpResponse:
    error = DomainError(
        _("Something broke on our side. Nothing was saved. The request id %(id)s finds it in the log.")
        % {"id": current_request_id()}
    )
    error.status, error.code = 500, "server_error"
    return error_response(request, error)
