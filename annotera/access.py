"""Fetching with the permission inside: another workspace's rule or erasure does not exist."""

import uuid

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Membership
from annotera.models import RewardRule
from core.errors import NotFound
from corpus.models import Erasure


def rules_of(membership: Membership) -> QuerySet[RewardRule]:
    found = RewardRule.objects.filter(workspace_id=membership.workspace_id)
    return found.select_related("project", "base_model", "created_by__user")


def rule_for(*, membership: Membership, uid: uuid.UUID) -> RewardRule:
    rule = rules_of(membership).filter(uid=uid).first()
    if rule is None:
        raise NotFound(_("There is no such rule in this workspace."))
    return rule


def erasures_of(membership: Membership) -> QuerySet[Erasure]:
    found = Erasure.objects.filter(workspace_id=membership.workspace_id)
    return found.select_related("workspace", "requested_by__user", "job")


def erasure_for(*, membership: Membership, uid: uuid.UUID) -> Erasure:
    erasure = erasures_of(membership).filter(uid=uid).first()
    if erasure is None:
        raise NotFound(_("There is no such erasure in this workspace."))
    return erasure
