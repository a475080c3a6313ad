"""Per-person settings of a request: time zone and language."""

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

UNPERSONAL = ("/static/", "/healthz", "/readyz")


class PersonMiddleware:
    """Shows times in the person's zone and words in the person's language. Anonymous requests stay in UTC."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # The session cookie tells whether there is a person: without one no query is spent.
        if request.path.startswith(UNPERSONAL) or not request.COOKIES:
            return self.get_response(request)
        if not request.user.is_authenticated:
            return self.get_response(request)
        activate_zone(request.user.time_zone)
        try:
            with translation.override(request.user.language):
                return self.get_response(request)
        finally:
            # The thread serves another person next.
            timezone.deactivate()


def activate_zone(name: str) -> None:
    """Show times in this zone from here on; an unknown or empty name changes nothing."""
    if not name:
        return
    try:
        timezone.activate(zoneinfo.ZoneInfo(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return
