"""What the workers do for production."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import Project
from core.errors import DomainError
from jobs.failures import JobFailed
from jobs.models import Queue
from jobs.registry import handler
from jobs.running import JobContext
from production.harvest import harvest
from production.harvest_requests import JOB_KIND
from production.models import Deployment, Output


@handler(JOB_KIND, queue=Queue.LIGHT)
def send_back(context: JobContext) -> dict[str, object]:
    """May run twice: what was sent is not sent again."""
    context.progress(fraction=0.0, sentence=_("Choosing outputs"))

    def report(share: float) -> None:
        context.progress(fraction=0.9 * share, sentence=_("Making the tasks"))

    try:
        sent = harvest(report=report, **_arguments(context))
    except DomainError as error:
        raise JobFailed(error.message, hint=_("Look at the project and at the deployment.")) from error
    told = ngettext("%(count)d output became a task", "%(count)d outputs became tasks", len(sent))
    context.progress(fraction=1.0, sentence=told % {"count": len(sent)})
    return {"tasks": len(sent)}


def _arguments(context: JobContext) -> dict[str, Any]:
    """Everything is looked up in the job's own workspace."""
    workspace, payload = context.job.workspace, context.payload
    project = Project.objects.select_related("workspace").get(workspace=workspace, uid=payload["project"])
    outputs = deployment = None
    if payload["outputs"] is not None:
        outputs = list(Output.objects.filter(workspace=workspace, uid__in=payload["outputs"]))
    if payload["deployment"]:
        deployment = Deployment.objects.get(workspace=workspace, uid=payload["deployment"])
    return {
        "project": project,
        "by": context.job.created_by,
        "outputs": outputs,
        "deployment": deployment,
        "floor": payload["floor"],
        "limit": payload["limit"],
        "seed": payload["seed"],
    }
