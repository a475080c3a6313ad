"""What in a workspace waits for the decision of an admin: each thing is one line with one action.

A line goes when the thing is decided: the run is repeated, the person goes on, the answers are reviewed. The
number of queries and the work of each are bounded, however large the workspace is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Membership
from annotation.models import Project, Standing, TaskImport
from annotation.uploads import is_waiting
from annotera.pipeline import Stage
from annotera.pipeline_steps import State
from annotera.releases_due import due
from core.counting import number
from corpus.models import Document, Source
from jobs.models import Job
from production.models import Deployment
from qa.queues import Queue
from training.alarm_notices import badge_of_model
from training.models import ModelVersion, TrainingRun
from training.models import Stage as Training

MOST_JOBS = 200
MOST_OF_A_KIND = 5
FAILED_WITHIN = timedelta(days=14)
# An erasure that failed is told by its stage of the pipeline.
TOLD_ELSEWHERE = ("annotera.erasure",)
# Stages that have no line of their own here.
BY_STAGE = ("clean", "production", "lineage")


@dataclass(frozen=True)
class Decision:
    """`level` is bad, warn or info; `about` names the thing, `detail` says why in words."""

    level: str
    sentence: str
    about: str
    detail: str
    action: str
    url: str


@dataclass(frozen=True)
class Standpoint:
    """What the home knows already and need not ask for twice."""

    membership: Membership
    projects: Sequence[Project]
    stages: Sequence[Stage]
    next_stage: Stage | None
    queues: Sequence[Queue]
    paused: Sequence[Standing]

    def url(self, name: str, *arguments: object) -> str:
        return reverse(name, args=[self.membership.workspace.slug, *arguments])


def decisions_of(at: Standpoint) -> list[Decision]:
    """What is broken first, then what waits, then what could be done next."""
    found = [
        *_failed_work(at),
        *_alarms_and_models(at),
        *_stages(at),
        *_reviews(at),
        *_paused(at),
        *_past_retention(at),
        *_files(at),
        *_releases(at),
    ]
    level = {"bad": 0, "warn": 1, "info": 2}
    return [*sorted(found, key=lambda decision: level[decision.level]), *_next(at, found)]


def _failed_work(at: Standpoint) -> Iterator[Decision]:
    """The last failure of its kind and title, or of its stage, that no success has followed."""
    jobs = Job.objects.filter(workspace_id=at.membership.workspace_id).order_by("-pk")[:MOST_JOBS]
    seen: set[tuple[str, str]] = set()
    since = timezone.now() - FAILED_WITHIN
    failed = []
    for job in jobs.select_related("training_run").defer("payload", "result", "training_run__config"):
        run: TrainingRun | None = getattr(job, "training_run", None)
        key = (job.kind, run.stage if run else job.title)
        if key in seen or job.state not in (Job.State.SUCCEEDED, Job.State.FAILED):
            continue
        seen.add(key)
        is_recent = job.ended_at is not None and job.ended_at > since
        if job.state == Job.State.FAILED and is_recent and job.kind not in TOLD_ELSEWHERE:
            failed.append((job, run))
    for job, run in failed[:MOST_OF_A_KIND]:
        yield Decision(
            level="bad",
            sentence=_("A training run failed") if run else _("A job failed"),
            about=run.name if run else job.title,
            detail=job.reason,
            action=_("See the run") if run else _("See the job"),
            url=at.url("run", run.uid) if run else at.url("job", job.uid),
        )


def _alarms_and_models(at: Standpoint) -> Iterator[Decision]:
    """The newest policy of each name under an alarm, and the newest finished model that nobody deployed."""
    models = ModelVersion.objects.filter(
        workspace_id=at.membership.workspace_id, stage__in=[Training.PPO, Training.SFT]
    )
    deployed = Deployment.objects.filter(model=OuterRef("pk"))
    newest = models.annotate(was_deployed=Exists(deployed)).select_related("made_by").order_by("-pk")
    seen: set[str] = set()
    for position, model in enumerate(newest[: 2 * MOST_OF_A_KIND]):
        badge = badge_of_model(model) if model.name not in seen else None
        seen.add(model.name)
        if badge:
            yield Decision(
                level="bad",
                sentence=_("A policy is under an alarm"),
                about=str(model),
                detail=badge.text,
                action=_("Look at the model"),
                url=at.url("model", model.uid),
            )
        elif position == 0 and not model.was_deployed:
            yield Decision(
                level="info",
                sentence=_("A finished model is not deployed"),
                about=str(model),
                detail=_("Nobody can ask it anything yet."),
                action=_("Deploy it"),
                url=f"{at.url('deployments')}?model={model.uid}",
            )


def _stages(at: Standpoint) -> Iterator[Decision]:
    for stage in at.stages:
        if stage.key in BY_STAGE and stage.state == State.ATTENTION and stage.action.url:
            yield Decision(
                level="warn",
                sentence=stage.action.text,
                about=stage.action.name,
                detail="",
                action=_("Open"),
                url=stage.action.url,
            )


def _reviews(at: Standpoint) -> Iterator[Decision]:
    for queue in [queue for queue in at.queues if queue.waiting][:MOST_OF_A_KIND]:
        text = ngettext("%(n)s answer waits for a review", "%(n)s answers wait for a review", queue.waiting)
        yield Decision(
            level="warn",
            sentence=text % {"n": number(queue.waiting) + ("+" if queue.is_cut else "")},
            about=queue.project.name,
            detail=", ".join(f"{count} {reason}" for reason, count in queue.reasons),
            action=_("Review"),
            url=at.url("reviews", queue.project.uid),
        )


def _paused(at: Standpoint) -> Iterator[Decision]:
    for standing in at.paused[:MOST_OF_A_KIND]:
        yield Decision(
            level="warn",
            sentence=_("%(name)s is paused") % {"name": standing.membership.user.name},
            about=standing.project.name,
            detail=_("They were told: %(reason)s") % {"reason": standing.reason} if standing.reason else "",
            action=_("Decide"),
            url=f"{at.url('project-quality', standing.project.uid)}#gold",
        )


def _past_retention(at: Standpoint) -> Iterator[Decision]:
    """Sources that hold documents past the day until which they may be kept."""
    kept = Document.objects.filter(source=OuterRef("pk"), state=Document.State.KEPT)
    past = Source.objects.filter(
        workspace_id=at.membership.workspace_id, retention_until__lt=timezone.localdate()
    )
    for source in past.filter(Exists(kept)).order_by("retention_until")[:MOST_OF_A_KIND]:
        yield Decision(
            level="warn",
            sentence=_("A source is past its retention"),
            about=source.name,
            detail=_("It was to be kept until %(day)s.")
            % {"day": date_format(source.retention_until, "j M Y") if source.retention_until else ""},
            action=_("Open the source"),
            url=at.url("source", source.uid),
        )


def _files(at: Standpoint) -> Iterator[Decision]:
    """Uploaded task files whose preview nobody confirmed or discarded."""
    batches = TaskImport.objects.filter(project__in=at.projects, state=TaskImport.State.PREVIEW)
    found = batches.select_related("job", "project").defer("preview", "problems").order_by("-pk")
    for batch in found[:MOST_OF_A_KIND]:
        if is_waiting(batch):
            yield Decision(
                level="info",
                sentence=_("A task file waits to be confirmed"),
                about=batch.project.name,
                detail=batch.file_name,
                action=_("Look at it"),
                url=at.url("import", batch.uid),
            )


def _releases(at: Standpoint) -> Iterator[Decision]:
    for project, count in due(at.projects)[:MOST_OF_A_KIND]:
        text = ngettext(
            "%(n)s answer was accepted since the last version",
            "%(n)s answers were accepted since the last version",
            count,
        )
        yield Decision(
            level="info",
            sentence=text % {"n": number(count)},
            about=project.name,
            detail="",
            action=_("Freeze"),
            url=at.url("project-freeze", project.uid),
        )


def _next(at: Standpoint, found: Sequence[Decision]) -> Iterator[Decision]:
    """Where the pipeline could go on, unless a line above leads there already."""
    stage = at.next_stage
    told = {decision.url.split("#")[0] for decision in found}
    if stage is None or stage.action.url in told:
        return
    yield Decision(
        level="info",
        sentence=stage.action.text,
        about=stage.action.name,
        detail=_("The next step of the pipeline, in stage %(number)d: %(name)s.")
        % {"number": stage.number, "name": stage.name},
        action=_("Go on"),
        url=stage.action.url,
    )
