"""Invitations: the only way into a workspace, since sign-up is closed."""

import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access import require_role
from accounts.audit import record
from accounts.members import AlreadyMember, join
from accounts.models import AuditEvent, Invitation, Membership, Role, User, Workspace
from accounts.people import create_person, normal_email
from accounts.secrets import hash_secret, new_secret
from core.errors import Denied, Invalid, NotFound

LIFETIME = timedelta(days=7)


class LoginFirst(Denied):
    """The address has an account: only its owner may join with it."""

    code = "login_first"


def open_invitations(workspace: Workspace) -> QuerySet[Invitation]:
    return Invitation.objects.filter(
        workspace=workspace, accepted_at=None, withdrawn_at=None, expires_at__gt=timezone.now()
    )


@transaction.atomic
def invite(*, actor: Membership, email: str, role: str) -> tuple[Invitation, str]:
    """An invitation and its secret, which is shown once. An older open one for the address ends.

    Raises Denied, Invalid, or AlreadyMember when the address belongs to an active member.
    """
    require_role(actor, Role.ADMIN)
    chosen = normal_email(email)
    if role not in Role.values:
        raise Invalid(_("There is no such role."), fields={"role": _("annotator, reviewer or admin")})
    if actor.workspace.memberships.filter(user__email=chosen, is_active=True).exists():
        raise AlreadyMember(_("%(email)s is a member already.") % {"email": chosen})
    open_invitations(actor.workspace).filter(email=chosen).update(withdrawn_at=timezone.now())
    secret = new_secret()
    invitation = Invitation.objects.create(
        workspace=actor.workspace,
        email=chosen,
        role=role,
        secret_hash=hash_secret(secret),
        invited_by=actor,
        expires_at=timezone.now() + LIFETIME,
    )
    record(
        kind=AuditEvent.Kind.MEMBER_INVITED,
        membership=actor,
        object_kind="invitation",
        object_uid=invitation.uid,
        role=role,
    )
    return invitation, secret


@transaction.atomic
def withdraw(*, actor: Membership, uid: uuid.UUID) -> None:
    """End an open invitation. Raises Denied or NotFound."""
    require_role(actor, Role.ADMIN)
    ended = open_invitations(actor.workspace).filter(uid=uid).update(withdrawn_at=timezone.now())
    if not ended:
        raise NotFound(_("There is no such open invitation."))


def invitation_for(secret: str) -> Invitation:
    """The open invitation behind a link; NotFound for unknown, used, withdrawn and expired ones alike."""
    return _usable(Invitation.objects.select_related("workspace", "invited_by__user"), secret)


def _usable(invitations: QuerySet[Invitation], secret: str) -> Invitation:
    found = invitations.filter(secret_hash=hash_secret(secret)).first()
    if found is None or not found.is_open:
        raise NotFound(_("This invitation is not valid any more: ask for a new one."))
    return found


def account_of(invitation: Invitation) -> User | None:
    """The account that the invited address has already, if any."""
    return User.objects.filter(email=invitation.email).first()


@transaction.atomic
def accept_as_new(*, secret: str, name: str, password: str) -> Membership:
    """Make an account with this name and password and join. Raises NotFound, LoginFirst or Invalid."""
    invitation = _take(secret)
    if account_of(invitation) is not None:
        raise LoginFirst(_("This address has an account already: log in to join."))
    user = create_person(email=invitation.email, name=name, password=password)
    return _join(invitation, user)


@transaction.atomic
def accept_as_known(*, secret: str, user: User) -> Membership:
    """Join with the account one is logged in with. Raises NotFound, or LoginFirst for another's address."""
    invitation = _take(secret)
    if user.email != invitation.email:
        raise LoginFirst(_("This invitation is for another address: log in with that one."))
    return _join(invitation, user)


def _take(secret: str) -> Invitation:
    # The lock makes an invitation good for one person, however often the form is sent.
    return _usable(Invitation.objects.select_for_update(of=("self",)).select_related("workspace"), secret)


def _join(invitation: Invitation, user: User) -> Membership:
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    return join(
        workspace=invitation.workspace,
        user=user,
        role=Role(invitation.role),
        invited_by=invitation.invited_by,
    )
