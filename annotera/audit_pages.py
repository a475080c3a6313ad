"""The workspace's audit trail in words, newest first, by event and by person."""

import uuid

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.audit import events_of
from accounts.forms import AuditFilterForm
from accounts.members import members_of
from accounts.models import Membership, Role
from annotera.audited import in_words
from core.errors import Unreadable
from core.pagination import newest_first

MOST_PEOPLE = 300


@require_safe
@member_page(Role.ADMIN)
def audit(request: WorkspaceRequest) -> HttpResponse:
    workspace = request.membership.workspace
    form = AuditFilterForm(request.GET)
    if not form.is_valid():
        raise Unreadable(str(form.errors["kind"][0]), fields={"kind": "unknown"})
    kind = form.cleaned_data["kind"]
    people = list(members_of(workspace).order_by("user__name", "pk")[:MOST_PEOPLE])
    person = _chosen(request, request.GET.get("person", ""))
    events = events_of(workspace=workspace, kind=kind, person=person)
    page = newest_first(events, before=request.GET.get("before", ""))
    context = {
        "rows": in_words(workspace=workspace, events=page.rows),
        "next_cursor": page.next_cursor,
        "form": form,
        "kind": kind,
        "people": people,
        "person": person,
    }
    return render(request, "annotera/audit.html", context)


def _chosen(request: WorkspaceRequest, uid: str) -> Membership | None:
    """The person whose events are asked for; somebody removed is found too. Raises Unreadable."""
    if not uid:
        return None
    try:
        found = members_of(request.membership.workspace).filter(uid=uuid.UUID(uid)).first()
    except ValueError:
        found = None
    if found is None:
        raise Unreadable(_("There is no such person in this workspace."), fields={"person": _("unknown")})
    return found
