"""Fetching with the permission inside: another workspace's reviews, gold and people do not exist."""

import uuid

from django.utils.translation import gettext as _

from accounts.models import Membership
from annotation.models import Project, Task
from core.errors import NotFound
from qa.models import Acceptance, Gold


def acceptance_for(*, membership: Membership, uid: uuid.UUID) -> Acceptance:
    found = Acceptance.objects.filter(uid=uid, workspace_id=membership.workspace_id).select_related(
        "project",
        "workspace",
        "decided_by",
        "annotation__task__body",
        "annotation__membership",
        "annotation__guideline",
        "annotation__assignment__project",
        "annotation__assignment__membership__user",
    )
    acceptance = found.first()
    if acceptance is None:
        raise NotFound(_("There is no such review in this workspace."))
    return acceptance


def person_for(*, membership: Membership, uid: uuid.UUID) -> Membership:
    people = Membership.objects.filter(workspace_id=membership.workspace_id, uid=uid)
    person = people.select_related("workspace").first()
    if person is None:
        raise NotFound(_("There is no such person in this workspace."))
    return person


def gold_for(*, project: Project, task: uuid.UUID) -> Gold:
    found = Gold.objects.filter(task__project=project, task__uid=task).select_related(
        "task__project__workspace"
    )
    gold = found.first()
    if gold is None:
        raise NotFound(_("There is no such gold task in this project."))
    return gold


def task_of(*, project: Project, uid: uuid.UUID) -> Task:
    task = Task.objects.filter(project=project, uid=uid).select_related("body", "project").first()
    if task is None:
        raise NotFound(_("There is no such task in this project."))
    return task
