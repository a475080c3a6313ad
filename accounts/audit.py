"""The audit trail: one function writes it, rows are only ever added."""

import hashlib
import hmac
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import AuditEvent, Membership, User, Workspace
from core.requests import current_request_id


@dataclass(frozen=True)
class Run:
    """The same event several times in a row, such as the logins of a day."""

    newest: AuditEvent
    oldest: AuditEvent
    times: int

    @property
    def lasted(self) -> bool:
        """Whether its first and its last time are worth telling apart."""
        return self.newest.created_at - self.oldest.created_at >= timedelta(hours=1)


def subject_hash(text: str) -> str:
    """A keyed hash that lets attempts be counted without keeping what was typed."""
    subject = text.strip().lower().encode("utf-8", "replace")
    return hmac.new(settings.SECRET_KEY.encode(), subject, hashlib.sha256).hexdigest()


def record(
    *,
    kind: AuditEvent.Kind,
    workspace: Workspace | None = None,
    membership: Membership | None = None,
    object_kind: str = "",
    object_uid: uuid.UUID | None = None,
    subject: str = "",
    address: str | None = None,
    **detail: Any,
) -> AuditEvent:
    """Write one event inside the caller's transaction, so that it stands or falls with the deed."""
    return AuditEvent.objects.create(
        kind=kind,
        workspace=workspace or (membership.workspace if membership else None),
        membership=membership,
        object_kind=object_kind,
        object_uid=object_uid,
        subject=subject,
        address=address,
        detail=detail,
        request_id=current_request_id(),
    )


def record_for_each_workspace(
    *, kind: AuditEvent.Kind, user: User, address: str | None = None, **detail: Any
) -> None:
    """Write an event about an account: each workspace has its own trail, and none may read another's."""
    memberships = list(Membership.objects.filter(user=user, is_active=True).select_related("workspace"))
    for membership in memberships:
        record(kind=kind, membership=membership, address=address, **detail)
    if not memberships:
        record(kind=kind, subject=subject_hash(user.email), address=address, **detail)


def events_of(
    *, workspace: Workspace, kind: str = "", person: Membership | None = None
) -> QuerySet[AuditEvent]:
    """The workspace's trail, all of it, one kind, or what one person did.

    Failed logins belong to no workspace; an admin sees those that tried the address of a member.
    """
    events = AuditEvent.objects.select_related("membership__user")
    if kind == AuditEvent.Kind.LOGIN_FAILED:
        members = workspace.memberships.filter(pk=person.pk) if person else workspace.memberships.all()
        emails = members.values_list("user__email", flat=True)
        return events.filter(kind=kind, subject__in=[subject_hash(email) for email in emails])
    events = events.filter(workspace=workspace)
    if person:
        events = events.filter(membership=person)
    return events.filter(kind=kind) if kind else events


def in_runs(events: Iterable[AuditEvent]) -> list[Run]:
    """Events in their order; what happened again and again, from the same address, is one run."""
    runs = [list(alike) for _kind, alike in groupby(events, key=lambda event: (event.kind, event.address))]
    return [Run(newest=run[0], oldest=run[-1], times=len(run)) for run in runs]
