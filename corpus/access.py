"""Fetching with the permission inside: another workspace's version does not exist."""

import uuid

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Membership
from core.errors import NotFound
from corpus.models import DatasetVersion


def versions_of(membership: Membership) -> QuerySet[DatasetVersion]:
    found = DatasetVersion.objects.filter(workspace_id=membership.workspace_id)
    return found.select_related("dataset", "workspace", "frozen_by__user")


def version_for(*, membership: Membership, uid: uuid.UUID) -> DatasetVersion:
    version = versions_of(membership).filter(uid=uid).first()
    if version is None:
        raise NotFound(_("There is no such dataset version in this workspace."))
    return version
