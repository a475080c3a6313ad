"""What the workers do for quality assurance: empty the inbox, measure, release large projects."""

from accounts.models import Membership
from annotation.models import Project
from corpus.versions import AlreadyFrozen
from jobs.registry import handler
from jobs.running import JobContext
from jobs.sweeps import sweep
from qa import inbox, quality
from qa import release as releasing

JOB_KIND = "qa.release"
MOST_A_SWEEP = 20_000


@sweep("qa.inbox", every=15)
def empty_inbox() -> int:
    taken = 0
    while taken < MOST_A_SWEEP and (batch := inbox.take()):
        taken += batch
    return taken


@handler(JOB_KIND)
def release(context: JobContext) -> dict[str, object]:
    """A second run after a crash finds the version that the first one froze."""
    project, by = _project_and_person(context)
    context.progress(fraction=0.1, sentence="Reading the answers")
    try:
        version = releasing.release(
            project=project,
            by=by,
            heldout_share=float(context.payload["heldout_share"]),
            name=str(context.payload["name"]),
            note=str(context.payload["note"]),
            policy=str(context.payload.get("policy", "")),
        )
    except AlreadyFrozen as error:
        version = error.version
    return {"dataset_version": str(version.uid)}


@handler(quality.JOB_KIND)
def measure_project(context: JobContext) -> dict[str, object]:
    project, by = _project_and_person(context)
    context.progress(fraction=0.1, sentence="Reading the answers")
    report = quality.measure_now(project=project, by=by)
    return {"quality_report": str(report.uid)}


def _project_and_person(context: JobContext) -> tuple[Project, Membership | None]:
    project = Project.objects.select_related("workspace").get(uid=context.payload["project"])
    return project, Membership.objects.filter(uid=context.payload["by"]).first()
