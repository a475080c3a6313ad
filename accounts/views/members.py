"""The members of a workspace: list, invite, change a role, remove."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.forms import InviteForm
from accounts.invitations import invite, open_invitations, withdraw
from accounts.members import change_role, deactivate, members_of
from accounts.models import Role
from core.errors import Conflict, Invalid
from core.forms import add_refusal
from core.pagination import newest_first


@require_safe
@member_page(Role.ADMIN)
def members(request: WorkspaceRequest) -> HttpResponse:
    return _page(request, InviteForm())


def _page(request: WorkspaceRequest, form: InviteForm, *, status: int = 200, **more: Any) -> HttpResponse:
    workspace = request.membership.workspace
    page = newest_first(members_of(workspace), before=request.GET.get("before", ""), size=100)
    context = {
        "page": page,
        "roles": Role.choices,
        "invitations": list(open_invitations(workspace).select_related("invited_by__user")),
        "form": form,
        **more,
    }
    return render(request, "accounts/members.html", context, status=status)


@require_POST
@member_page(Role.ADMIN)
def invite_member(request: WorkspaceRequest) -> HttpResponse:
    """Answers with the link itself: it is shown this once and stored nowhere."""
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        invitation, secret = invite(
            actor=request.membership, email=form.cleaned_data["email"], role=form.cleaned_data["role"]
        )
    except (Invalid, Conflict) as refusal:
        add_refusal(form, refusal)
        return _page(request, form, status=refusal.status)
    link = request.build_absolute_uri(reverse("accept-invitation", args=[secret]))
    return _page(request, InviteForm(), invited=invitation, link=link)


@require_POST
@member_page(Role.ADMIN)
def withdraw_invitation(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    withdraw(actor=request.membership, uid=uid)
    messages.success(request, _("The invitation is withdrawn."))
    return redirect("members", request.membership.workspace.slug)


@require_POST
@member_page(Role.ADMIN)
def change_member_role(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    changed = change_role(actor=request.membership, uid=uid, role=request.POST.get("role", ""))
    messages.success(
        request,
        _("%(name)s is now: %(role)s.") % {"name": changed.user.name, "role": changed.get_role_display()},
    )
    return redirect("members", request.membership.workspace.slug)


@require_POST
@member_page(Role.ADMIN)
def deactivate_member(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    removed = deactivate(actor=request.membership, uid=uid)
    messages.success(request, _("%(name)s has no access any more.") % {"name": removed.user.name})
    return redirect("members", request.membership.workspace.slug)
