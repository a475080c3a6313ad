"""What the workers do for corpus: read uploads, clean, freeze, and end what was abandoned."""

import uuid

from django.utils.translation import gettext as _

from accounts.models import Membership
from core.errors import DomainError
from corpus import cleaning_runs, corpus_freezing, intake
from corpus.models import CleaningRun, DocumentUpload, Source
from corpus.versions import AlreadyFrozen
from jobs.failures import JobFailed
from jobs.registry import handler
from jobs.running import JobContext
from jobs.sweeps import sweep


@handler(intake.JOB_KIND)
def read_upload(context: JobContext) -> dict[str, object]:
    found = DocumentUpload.objects.select_related("workspace", "source", "created_by__workspace")
    upload = found.filter(uid=uuid.UUID(str(context.payload["upload"]))).first()
    if upload is None:
        raise JobFailed(_("The upload of this job does not exist any more."))
    try:
        done = intake.read_now(upload=upload, context=context)
    except DomainError as error:
        raise JobFailed(error.with_reasons(), hint=_("Mend the file and upload it again.")) from error
    return {"documents": done.documents, "rejects": done.reject_count}


@handler(cleaning_runs.JOB_KIND)
def clean(context: JobContext) -> dict[str, object]:
    found = CleaningRun.objects.select_related(
        "workspace", "source", "created_by__workspace", "job__created_by"
    )
    run = found.filter(uid=uuid.UUID(str(context.payload["run"]))).first()
    if run is None:
        raise JobFailed(_("The cleaning of this job does not exist any more."))
    if run.state == CleaningRun.State.APPLYING:
        done = cleaning_runs.apply_now(run, context)
    else:
        done = cleaning_runs.preview_now(run, context)
    return {"state": done.state, "removed": done.report.get("removed", 0)}


@handler(corpus_freezing.JOB_KIND)
def freeze(context: JobContext) -> dict[str, object]:
    """Running twice finds the version of the first time."""
    payload = context.payload
    by = Membership.objects.select_related("workspace", "user").get(uid=payload["by"])
    sources = Source.objects.filter(workspace_id=by.workspace_id, uid__in=payload["sources"])
    make = {"corpus": corpus_freezing.freeze_corpus, "prompts": corpus_freezing.freeze_prompts}
    try:
        version = make[payload["kind"]](
            workspace=by.workspace,
            by=by,
            sources=list(sources),
            name=payload["name"],
            heldout_share=payload["heldout_share"],
            note=payload["note"],
        )
    except AlreadyFrozen as same:
        version = same.version
    return {"version": str(version.uid)}


@sweep("uploads and cleanings whose job ended", every=60)
def end_abandoned() -> int:
    return intake.fail_abandoned() + cleaning_runs.fail_abandoned()
