"""Jobs that a member may see: those of the workspace, for reviewers and admins."""

import uuid

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Membership
from core.errors import NotFound
from jobs.models import Job


def jobs_for(*, membership: Membership) -> QuerySet[Job]:
    return Job.objects.filter(workspace_id=membership.workspace_id).select_related(
        "workspace", "created_by__user"
    )


def job_for(*, membership: Membership, uid: uuid.UUID) -> Job:
    """The job in the member's workspace; NotFound elsewhere."""
    found = jobs_for(membership=membership).filter(uid=uid).first()
    if found is None:
        raise NotFound(_("There is no such job in this workspace."))
    return found
