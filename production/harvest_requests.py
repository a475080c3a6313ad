"""A harvest as a job: models write second answers for it, which takes longer than a page may."""

from collections.abc import Sequence

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Membership
from annotation.imports import check_open
from annotation.models import Project
from jobs.launching import enqueue
from jobs.models import Job, Queue
from production.harvest import check_settings
from production.models import Deployment, Output

JOB_KIND = "production.harvest"


@transaction.atomic
def request_harvest(
    *,
    project: Project,
    by: Membership,
    outputs: Sequence[Output] | None = None,
    deployment: Deployment | None = None,
    floor: float = 0.05,
    limit: int = 100,
    seed: int | None = None,
) -> Job:
    """Queue `harvest` with these arguments; raises HarvestRefused and ProjectClosed at once."""
    check_settings(floor=floor, limit=limit)
    check_open(project)
    return enqueue(
        workspace=project.workspace,
        kind=JOB_KIND,
        queue=Queue.LIGHT,
        title=_("Outputs back to “%(project)s”") % {"project": project.name},
        payload={
            "project": str(project.uid),
            "outputs": None if outputs is None else [str(output.uid) for output in outputs],
            "deployment": str(deployment.uid) if deployment else None,
            "floor": floor,
            "limit": limit,
            "seed": seed,
        },
        created_by=by,
    )
