"""Autosave and heartbeat of the page on which a task is answered: small answers in JSON."""

import uuid
from datetime import UTC, datetime

from django.http import HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import WorkspaceRequest, member_page
from annotation.access import assignment_for
from annotation.drafts import save_draft
from annotation.queue import extend
from annotation.rules import kind_for, rules_for
from core.errors import Unreadable
from core.requests import wants_json


@require_http_methods(["POST", "PUT"])
@member_page()
def draft(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """Keep what is typed so far; a browser without JavaScript comes back to its page."""
    found = assignment_for(membership=request.membership, uid=uid)
    typed = request.POST if request.method == "POST" else QueryDict(request.body)
    version = typed.get("draft_version", "")
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise Unreadable(_("The draft does not say which version it follows."), fields={"draft_version": "?"})
    fields = kind_for(found).known_fields(dict(typed.lists()), rules=rules_for(found))
    active_ms = typed.get("active_ms", "")
    if active_ms.isascii() and active_ms.isdigit() and len(active_ms) <= 12:
        fields["active_ms"] = [active_ms]
    receipt = save_draft(assignment=found, fields=fields, version=int(version))
    if not wants_json(request):
        slug = request.membership.workspace.slug
        return HttpResponseRedirect(reverse("assignment", args=[slug, found.uid]), status=303)
    return JsonResponse(
        {
            "version": receipt.version,
            "saved_at": _utc(receipt.saved_at),
            "receipt": timezone.localtime(receipt.saved_at).strftime("%H:%M:%S"),
            "lease_until": _utc(receipt.lease_until) if receipt.lease_until else None,
        }
    )


@require_POST
@member_page()
def heartbeat(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = assignment_for(membership=request.membership, uid=uid)
    return JsonResponse({"lease_until": _utc(extend(assignment=found))})


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
