"""The API's error handler and parsing: {"error": {"code", "message", "fields"}} for every failure."""

import json
import logging
import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from django.http import HttpRequest
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import Unreadable
from core.rendering import as_domain_error, error_body

logger = logging.getLogger(__name__)

CODES = {
    400: "unreadable",
    401: "unauthenticated",
    403: "denied",
    404: "not_found",
    405: "method_not_allowed",
}


class JSONBodyParser(BaseParser):
    """JSON without NaN and Infinity, within the size limit, however deeply nested a hostile body is.

    It reads the body as Django caches it, so that a view may hash `request.body` afterwards.
    """

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        request: Request = (parser_context or {})["request"]
        try:
            text = request.body.decode("utf-8")
            return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        except RecursionError as error:
            raise Unreadable(_("The JSON is nested too deeply.")) from error
        except ValueError as error:
            raise Unreadable(_("The body is not JSON: %(reason)s.") % {"reason": error}) from error


def object_of(request: Request) -> Mapping[str, Any]:
    """The JSON object of a request; raises Unreadable for a list or a text."""
    if not isinstance(request.data, Mapping):
        raise Unreadable(_("The body must be a JSON object."))
    return request.data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits[:40]} is too large a number")
    return value


def exception_handler(exception: Exception, context: dict[str, Any]) -> Response | None:
    error = as_domain_error(exception)
    if error is not None:
        if error.status >= 500:
            logger.error("%s: %s", type(exception).__name__, exception)
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
    """{"rows": [{}, {"name": ["is missing"]}]} becomes {"rows.1.name": "is missing"}."""
    if isinstance(detail, dict):
        return _flatten_parts(detail.items(), prefix)
    if isinstance(detail, list) and any(isinstance(part, dict | list) for part in detail):
        return _flatten_parts(enumerate(detail), prefix)
    reasons = detail if isinstance(detail, list) else [detail]
    return {prefix or "body": " ".join(str(reason) for reason in reasons)}


def _flatten_parts(parts: Iterable[tuple[Any, Any]], prefix: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parts:
        found |= _flatten(value, f"{prefix}.{name}" if prefix else str(name))
    return found


def refuse_unknown_parameters(request: HttpRequest, allowed: set[str]) -> None:
    """A misspelt parameter is an error: silently ignoring it would answer another question."""
    unknown = sorted(set(request.GET) - allowed)
    if unknown:
        raise Unreadable(
            _("Unknown parameter: %(name)s.") % {"name": unknown[0]}, fields={unknown[0]: "unknown"}
        )
