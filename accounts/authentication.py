"""How the API knows its caller: `Authorization: Token <secret>` or the browser's session.

Either way `request.auth` is the membership: a token names it, a session names the workspace by the
header X-Workspace or, for people with one workspace, by having no other.
"""

from typing import Any, cast

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.models import ApiToken, Membership, User
from accounts.secrets import hash_secret
from core.errors import NotFound, Unreadable


def caller(request: Request) -> Membership:
    """The membership that an authenticated API request acts for."""
    return cast(Membership, request.auth)


class TokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Any) -> tuple[User, Membership] | None:
        scheme, _space, secret = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() not in {"token", "bearer"}:
            return None
        token = (
            ApiToken.objects.select_related("membership__user", "membership__workspace")
            .filter(secret_hash=hash_secret(secret.strip()))
            .first()
        )
        if token is None or not _may_act(token):
            raise AuthenticationFailed(_("The token is unknown, expired or revoked."))
        _note_use(token)
        return token.membership.user, token.membership

    def authenticate_header(self, request: Any) -> str:
        return "Token"


def _may_act(token: ApiToken) -> bool:
    membership = token.membership
    return token.is_usable(at=timezone.now()) and membership.is_active and membership.user.is_active


def _note_use(token: ApiToken) -> None:
    # A day's resolution keeps this to one write a day and token.
    today = timezone.now().date()
    if token.last_used_on != today:
        ApiToken.objects.filter(pk=token.pk).update(last_used_on=today)


class PersonSessionAuthentication(SessionAuthentication):
    """The browser's session; unsafe methods need the CSRF token, else 403."""

    def authenticate(self, request: Any) -> tuple[User, Membership] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        user = found[0]
        return user, _chosen_membership(user=user, slug=request.headers.get("X-Workspace", ""))


def _chosen_membership(*, user: User, slug: str) -> Membership:
    memberships = Membership.objects.select_related("workspace", "user").filter(user=user, is_active=True)
    if slug:
        named = next((member for member in memberships if member.workspace.slug == slug), None)
        if named is None:
            raise NotFound(_("There is no such workspace."))
        return named
    chosen = list(memberships[:2])
    if not chosen:
        raise AuthenticationFailed(_("You are not a member of any workspace."))
    if len(chosen) > 1:
        raise Unreadable(
            _("Name your workspace in the header X-Workspace."), fields={"X-Workspace": "required"}
        )
    return chosen[0]
