"""Freeze now, or in the background where there is much to read."""

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Membership
from annotation.models import Annotation, Project
from corpus.models import DatasetVersion
from corpus.versions import checked_share
from jobs.launching import enqueue
from jobs.models import Job, Queue
from qa.job_handlers import JOB_KIND
from qa.releasable import checked_policy
from qa.release import release

MOST_IN_A_REQUEST = 5000


def is_large(project: Project) -> bool:
    """Counts no further than the limit, so the answer costs the same at any size."""
    current = Annotation.objects.filter(project=project, is_current=True)
    return current[: MOST_IN_A_REQUEST + 1].count() > MOST_IN_A_REQUEST


def freeze_project(
    *,
    project: Project,
    by: Membership,
    heldout_share: float,
    name: str = "",
    note: str = "",
    policy: str = "",
) -> DatasetVersion | Job:
    """The new version, or the job that makes it. Raises what `release` raises."""
    chosen = checked_policy(project, policy)
    share = checked_share(heldout_share)
    if not is_large(project):
        return release(project=project, by=by, heldout_share=share, name=name, note=note, policy=chosen)
    payload = {
        "project": str(project.uid),
        "by": str(by.uid),
        "heldout_share": share,
        "name": name,
        "note": note,
        "policy": chosen.value,
    }
    with transaction.atomic():
        return enqueue(
            workspace=project.workspace,
            kind=JOB_KIND,
            queue=Queue.LIGHT,
            title=_("Freeze %(name)s") % {"name": project.name},
            payload=payload,
            created_by=by,
        )
