"""API tokens: a person in a workspace, shown once, stored hashed, always expiring."""

import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import ApiToken, AuditEvent, Membership
from accounts.secrets import hash_secret, new_secret
from core.errors import Conflict, Invalid, NotFound
from core.text import check_storable

# Lets a scanner of published code recognise a leaked token.
PREFIX = "ann_"
SHOWN_CHARACTERS = 12
LONGEST_NAME = 120
DEFAULT_DAYS = 90
MOST_DAYS = 366
MOST_TOKENS = 20


class TooManyTokens(Conflict):
    code = "too_many_tokens"


def tokens_of(membership: Membership) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(membership=membership)


@transaction.atomic
def create_token(*, membership: Membership, name: str, days: int = DEFAULT_DAYS) -> tuple[ApiToken, str]:
    """A new token and its secret, which nobody can read again. Raises Invalid or TooManyTokens."""
    chosen = check_storable(name.strip(), field="name")
    if not chosen or len(chosen) > LONGEST_NAME:
        raise Invalid(_("A token needs a name."), fields={"name": _("1 to 120 characters")})
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(_("A token lives 1 to 366 days."), fields={"days": _("1 to 366")})
    _refuse_too_many(membership)
    secret = new_secret(PREFIX)
    token = ApiToken.objects.create(
        workspace_id=membership.workspace_id,
        membership=membership,
        name=chosen,
        prefix=secret[:SHOWN_CHARACTERS],
        secret_hash=hash_secret(secret),
        expires_at=timezone.now() + timedelta(days=days),
    )
    record(
        kind=AuditEvent.Kind.TOKEN_CREATED,
        membership=membership,
        object_kind="token",
        object_uid=token.uid,
        days=days,
    )
    return token, secret


def _refuse_too_many(membership: Membership) -> None:
    # The lock keeps parallel requests from passing the limit together.
    Membership.objects.select_for_update().get(pk=membership.pk)
    usable = tokens_of(membership).filter(revoked_at=None, expires_at__gt=timezone.now())
    if usable.count() >= MOST_TOKENS:
        raise TooManyTokens(_("You have 20 tokens: revoke one first."))


@transaction.atomic
def revoke_token(*, membership: Membership, uid: uuid.UUID) -> ApiToken:
    """End one's own token; ending it twice is one event. Raises NotFound."""
    token = tokens_of(membership).select_for_update().filter(uid=uid).first()
    if token is None:
        raise NotFound(_("There is no such token."))
    if token.revoked_at is not None:
        return token
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])
    record(
        kind=AuditEvent.Kind.TOKEN_REVOKED, membership=membership, object_kind="token", object_uid=token.uid
    )
    return token


def revoke_all_tokens(*, membership: Membership) -> int:
    """End every token of a membership, inside the caller's transaction; returns how many there were."""
    return tokens_of(membership).filter(revoked_at=None).update(revoked_at=timezone.now())
