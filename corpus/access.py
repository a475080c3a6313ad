"""Fetching with the permission inside: another workspace's version does not exist."""

import uuid

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Membership
from core.errors import NotFound
from corpus.models import CleaningRun, DatasetVersion, Document, Source


def versions_of(membership: Membership) -> QuerySet[DatasetVersion]:
    found = DatasetVersion.objects.filter(workspace_id=membership.workspace_id)
    related = found.select_related("dataset", "workspace", "frozen_by__user", "successor__dataset")
    return related.prefetch_related("tags")


def version_for(*, membership: Membership, uid: uuid.UUID) -> DatasetVersion:
    version = versions_of(membership).filter(uid=uid).first()
    if version is None:
        raise NotFound(_("There is no such dataset version in this workspace."))
    return version


def sources_of(membership: Membership) -> QuerySet[Source]:
    found = Source.objects.filter(workspace_id=membership.workspace_id)
    return found.select_related("workspace", "created_by__user")


def source_for(*, membership: Membership, uid: uuid.UUID) -> Source:
    source = sources_of(membership).filter(uid=uid).first()
    if source is None:
        raise NotFound(_("There is no such source in this workspace."))
    return source


def document_for(*, membership: Membership, uid: uuid.UUID) -> Document:
    found = Document.objects.filter(workspace_id=membership.workspace_id)
    related = found.select_related("source", "upload", "removed_by", "changed_by")
    document = related.filter(uid=uid).first()
    if document is None:
        raise NotFound(_("There is no such document in this workspace."))
    return document


def cleaning_for(*, membership: Membership, uid: uuid.UUID) -> CleaningRun:
    found = CleaningRun.objects.filter(workspace_id=membership.workspace_id)
    related = found.select_related("workspace", "source", "job__created_by__user", "created_by__user")
    run = related.filter(uid=uid).first()
    if run is None:
        raise NotFound(_("There is no such cleaning in this workspace."))
    return run
