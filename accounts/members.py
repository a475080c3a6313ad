"""Who belongs to a workspace and in which role."""

import uuid

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access import require_role
from accounts.audit import record
from accounts.models import AuditEvent, Invitation, Membership, Role, User, Workspace
from accounts.pseudonyms import fresh_pseudonym
from accounts.tokens import revoke_all_tokens
from core.errors import Conflict, Denied, Invalid, NotFound


class LastAdmin(Conflict):
    """Without an admin nobody could invite one."""

    code = "last_admin"


class AlreadyMember(Conflict):
    code = "already_member"


def members_of(workspace: Workspace) -> QuerySet[Membership]:
    return Membership.objects.filter(workspace=workspace).select_related("user", "workspace")


def join(*, workspace: Workspace, user: User, role: Role, invited_by: Membership | None = None) -> Membership:
    """Make the person a member under a fresh pseudonym; who comes back keeps the pseudonym of before.

    Raises AlreadyMember for an active member.
    """
    with transaction.atomic():
        membership, created = Membership.objects.select_for_update().get_or_create(
            workspace=workspace, user=user, defaults={"role": role, "pseudonym": fresh_pseudonym()}
        )
        if not created and membership.is_active:
            raise AlreadyMember(_("%(name)s is a member already.") % {"name": user.name})
        if not created:
            membership.role, membership.is_active = role, True
            membership.save(update_fields=["role", "is_active"])
        record(
            kind=AuditEvent.Kind.MEMBER_JOINED,
            membership=membership,
            object_kind="membership",
            object_uid=membership.uid,
            role=role.value,
            invited_by=str(invited_by.uid) if invited_by else None,
        )
    return membership


@transaction.atomic
def change_role(*, actor: Membership, uid: uuid.UUID, role: str) -> Membership:
    """Give a member another role. Raises Denied, NotFound, Invalid (no such role) or LastAdmin."""
    if role not in Role.values:
        raise Invalid(_("There is no such role."), fields={"role": _("annotator, reviewer or admin")})
    target = _lock_for_change(actor=actor, uid=uid)
    if target.role == role:
        return target
    if target.role == Role.ADMIN:
        _refuse_last_admin(target)
    before, target.role = target.role, role
    target.save(update_fields=["role"])
    if before == Role.ADMIN:
        _withdraw_invitations(target)
    record(
        kind=AuditEvent.Kind.ROLE_CHANGED,
        membership=actor,
        object_kind="membership",
        object_uid=target.uid,
        before=before,
        after=role,
    )
    return target


@transaction.atomic
def deactivate(*, actor: Membership, uid: uuid.UUID) -> Membership:
    """End a membership: the next request of that person finds nothing here. Their work stays.

    Raises Denied, NotFound or LastAdmin. The tokens end for good, so that coming back revives none.
    """
    target = _lock_for_change(actor=actor, uid=uid)
    if target.role == Role.ADMIN:
        _refuse_last_admin(target)
    target.is_active = False
    target.save(update_fields=["is_active"])
    _withdraw_invitations(target)
    revoked = revoke_all_tokens(membership=target)
    record(
        kind=AuditEvent.Kind.MEMBER_REMOVED,
        membership=actor,
        object_kind="membership",
        object_uid=target.uid,
        role=target.role,
        tokens_revoked=revoked,
    )
    return target


def _withdraw_invitations(target: Membership) -> None:
    # Else a removed admin could come back as one by a link made before.
    waiting = Invitation.objects.filter(invited_by=target, accepted_at=None, withdrawn_at=None)
    waiting.update(withdrawn_at=timezone.now())


def _lock_for_change(*, actor: Membership, uid: uuid.UUID) -> Membership:
    # One change of roles at a time per workspace: two admins removing each other must not both succeed.
    Workspace.objects.select_for_update().get(pk=actor.workspace_id)
    present = Membership.objects.filter(pk=actor.pk, is_active=True).first()
    if present is None:
        raise Denied(_("You are no longer a member of this workspace."))
    require_role(present, Role.ADMIN)
    target = members_of(actor.workspace).filter(uid=uid, is_active=True).first()
    if target is None:
        raise NotFound(_("There is no such member."))
    return target


def _refuse_last_admin(target: Membership) -> None:
    others = Membership.objects.filter(
        workspace_id=target.workspace_id, role=Role.ADMIN, is_active=True, user__is_active=True
    ).exclude(pk=target.pk)
    if not others.exists():
        raise LastAdmin(_("This is the last admin: make someone else an admin first."))
