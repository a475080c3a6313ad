"""The API's error handler and parsing: {"error": {"code", "message", "fields"}} for every failure."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response

from core.errors import Unreadable
from core.rendering import as_domain_error, error_body

CODES = {
    400: "unreadable",
    401: "unauthenticated",
    403: "denied",
    404: "not_found",
    405: "method_not_allowed",
}


def exception_handler(exception: Exception, context: dict[str, Any]) -> Response | None:
    error = as_domain_error(exception)
    if error is not None:
        response = Response(
            error_body(code=error.code, message=error.message, fields=error.fields), status=error.status
        )
        if hasattr(error, "retry_after"):
            response["Retry-After"] = str(error.retry_after)
        return response
    if isinstance(exception, exceptions.ValidationError):
        fields = _flatten(exception.detail)
        body = error_body(code="invalid", message=_("Some fields need mending."), fields=fields)
        return Response(body, status=422)
    if isinstance(exception, exceptions.APIException):
        return _from_framework(exception)
    return None


def _from_framework(exception: exceptions.APIException) -> Response:
    code = CODES.get(exception.status_code, str(exception.default_code))
    response = Response(error_body(code=code, message=str(exception.detail)), status=exception.status_code)
    challenge = getattr(exception, "auth_header", None)
    if challenge:
        response["WWW-Authenticate"] = challenge
    return response


def _flatten(detail: Any, prefix: str = "") -> dict[str, str]:
    if isinstance(detail, dict):
        found: dict[str, str] = {}
        for name, value in detail.items():
            found |= _flatten(value, f"{prefix}.{name}" if prefix else str(name))
        return found
    if isinstance(detail, list):
        return {prefix or "body": " ".join(str(part) for part in detail)}
    return {prefix or "body": str(detail)}


def refuse_unknown_parameters(request: HttpRequest, allowed: set[str]) -> None:
    """A misspelt parameter is an error: silently ignoring it would answer another question."""
    unknown = sorted(set(request.GET) - allowed)
    if unknown:
        raise Unreadable(
            _("Unknown parameter: %(name)s.") % {"name": unknown[0]}, fields={unknown[0]: "unknown"}
        )
