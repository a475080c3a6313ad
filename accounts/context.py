"""What every page's navigation needs, at no extra query beyond the membership itself."""

from typing import Any

from django.http import HttpRequest


def navigation(request: HttpRequest) -> dict[str, Any]:
    membership = getattr(request, "membership", None)
    return {"membership": membership, "workspace": membership.workspace if membership else None}
