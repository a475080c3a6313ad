"""Fetching with the permission inside: another workspace's or another person's object does not exist."""

import uuid

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Membership
from annotation.models import Assignment, Project, Task, TaskImport
from core.errors import NotFound


def projects_of(membership: Membership) -> QuerySet[Project]:
    return Project.objects.filter(workspace_id=membership.workspace_id)


def project_for(*, membership: Membership, uid: uuid.UUID) -> Project:
    project = projects_of(membership).filter(uid=uid).first()
    if project is None:
        raise NotFound(_("There is no such project in this workspace."))
    project.workspace = membership.workspace
    return project


def assignment_for(*, membership: Membership, uid: uuid.UUID) -> Assignment:
    """An assignment of this very person: nobody else sees it, whatever the role."""
    found = Assignment.objects.select_related("project").filter(
        uid=uid, membership_id=membership.pk, workspace_id=membership.workspace_id
    )
    assignment = found.first()
    if assignment is None:
        raise NotFound(_("There is no such task in your hands."))
    assignment.membership = membership
    return assignment


def task_for(*, membership: Membership, uid: uuid.UUID) -> Task:
    task = (
        Task.objects.select_related("body", "project")
        .filter(uid=uid, workspace_id=membership.workspace_id)
        .first()
    )
    if task is None:
        raise NotFound(_("There is no such task in this workspace."))
    return task


def import_for(*, membership: Membership, uid: uuid.UUID) -> TaskImport:
    batch = (
        TaskImport.objects.select_related("project", "job")
        .filter(uid=uid, workspace_id=membership.workspace_id)
        .first()
    )
    if batch is None:
        raise NotFound(_("There is no such import in this workspace."))
    return batch
