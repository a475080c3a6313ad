"""The workspace's audit trail, newest first."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.audit import events_of
from accounts.forms import AuditFilterForm
from accounts.models import Role
from core.errors import Unreadable
from core.pagination import newest_first


@require_safe
@member_page(Role.ADMIN)
def audit(request: WorkspaceRequest) -> HttpResponse:
    form = AuditFilterForm(request.GET)
    if not form.is_valid():
        raise Unreadable(str(form.errors["kind"][0]), fields={"kind": "unknown"})
    kind = form.cleaned_data["kind"]
    events = events_of(workspace=request.membership.workspace, kind=kind)
    page = newest_first(events, before=request.GET.get("before", ""))
    # A list, since a template would take a detail named "items" for the method of that name.
    rows = [(event, sorted(event.detail.items())) for event in page.rows]
    context = {"rows": rows, "next_cursor": page.next_cursor, "form": form, "kind": kind}
    return render(request, "accounts/audit.html", context)
