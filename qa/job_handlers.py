"""Freezing a large project in the background."""

from accounts.models import Membership
from annotation.models import Project
from corpus.versions import AlreadyFrozen
from jobs.registry import handler
from jobs.running import JobContext
from qa.release import release_preferences

JOB_KIND = "qa.release"


@handler(JOB_KIND)
def release(context: JobContext) -> dict[str, object]:
    """A second run after a crash finds the version that the first one froze."""
    project = Project.objects.select_related("workspace").get(uid=context.payload["project"])
    by = Membership.objects.filter(uid=context.payload["by"]).first()
    context.progress(fraction=0.1, sentence="Reading the answers")
    try:
        version = release_preferences(
            project=project,
            by=by,
            heldout_share=float(context.payload["heldout_share"]),
            name=str(context.payload["name"]),
            note=str(context.payload["note"]),
        )
    except AlreadyFrozen as error:
        version = error.version
    return {"dataset_version": str(version.uid)}
