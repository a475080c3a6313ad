"""Addresses whose only purpose is to fail in a stated way."""

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.exceptions import ValidationError

from core import errors

MESSAGE = "A message <b>with</b> markup"


def failures() -> dict[str, Exception]:
    return {
        "unreadable": errors.Unreadable(MESSAGE, fields={"before": "unknown"}),
        "invalid": errors.Invalid(MESSAGE, fields={"name": "is too long", "items": "are missing"}),
        "conflict": errors.Conflict(MESSAGE),
        "denied": errors.Denied(MESSAGE),
        "not_found": errors.NotFound(MESSAGE),
        "too_large": errors.TooLarge(MESSAGE),
        "throttled": errors.Throttled(MESSAGE, retry_after=17),
        "unavailable": errors.Unavailable(MESSAGE, retry_after=7),
        "http404": Http404("inner detail"),
        "permission": PermissionDenied("inner detail"),
        "suspicious": SuspiciousOperation("inner detail"),
        "body": RequestDataTooBig("inner detail"),
        "database": OperationalError("inner detail"),
        "value": DataError("inner detail"),
        "validation": ValidationError(
            {"rows": [{}, {"name": ["is missing"]}], "days": ["is no number", "is empty"]}
        ),
        "bug": RuntimeError("inner detail"),
    }


def fail(request: HttpRequest, kind: str) -> HttpResponse:
    raise failures()[kind]


@api_view(["GET", "POST"])
@authentication_classes([])
@permission_classes([])
def fail_api(request: HttpRequest, kind: str) -> HttpResponse:
    raise failures()[kind]


def ask_database(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("answered")


urlpatterns = [
    path("fail/<str:kind>/", fail),
    path("api/v1/fail/<str:kind>/", fail_api),
    path("database/", ask_database),
    path("", include("annotera.urls")),
]

handler400 = "core.rendering.unreadable"
handler403 = "core.rendering.denied"
handler404 = "core.rendering.not_found"
handler500 = "core.rendering.server_error"
