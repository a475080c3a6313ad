"""One's own API tokens in this workspace."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.forms import TokenForm
from accounts.tokens import create_token, revoke_token, tokens_of
from core.errors import Conflict, Invalid
from core.forms import add_refusal
from core.pagination import newest_first


@require_safe
@member_page()
def tokens(request: WorkspaceRequest) -> HttpResponse:
    return _page(request, TokenForm())


def _page(request: WorkspaceRequest, form: TokenForm, *, status: int = 200, **more: Any) -> HttpResponse:
    page = newest_first(tokens_of(request.membership), before=request.GET.get("before", ""))
    context = {"page": page, "form": form, "now": timezone.now(), **more}
    return render(request, "accounts/tokens.html", context, status=status)


@require_POST
@member_page()
def create_own_token(request: WorkspaceRequest) -> HttpResponse:
    """Answers with the secret itself: it is shown this once and stored nowhere."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        token, secret = create_token(
            membership=request.membership, name=form.cleaned_data["name"], days=form.cleaned_data["days"]
        )
    except (Invalid, Conflict) as refusal:
        add_refusal(form, refusal)
        return _page(request, form, status=refusal.status)
    return _page(request, TokenForm(), created=token, secret=secret)


@require_POST
@member_page()
def revoke_own_token(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    token = revoke_token(membership=request.membership, uid=uid)
    messages.success(request, _("The token “%(name)s” is revoked.") % {"name": token.name})
    return redirect("tokens", request.membership.workspace.slug)
