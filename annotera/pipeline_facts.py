"""What stands in a workspace, stage by stage: a fixed number of queries, each as cheap at a million rows."""

from dataclasses import dataclass
from typing import Any, cast

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum

from accounts.models import Workspace
from annotation.models import Annotation, Project, Standing, Task, TaskImport
from annotation.progress import progress_of
from annotera.models import RewardRule, RuleFiring
from core.counting import MOST_COUNTED, counted
from corpus.models import (
    CleaningRun,
    DatasetVersion,
    Document,
    DocumentUpload,
    Erasure,
    LineageEdge,
    Source,
    VersionTag,
)
from jobs.models import Job
from production.generation import SECOND_TO
from production.models import Deployment, Feedback, Harvest, Output
from production.traffic import SPOKEN_AGAINST
from qa.models import Acceptance, GoldScore, QualityReport
from training.models import ModelVersion, Stage, TrainingRun

AT_WORK = (Job.State.QUEUED, Job.State.RUNNING)


@dataclass(frozen=True)
class Group:
    """How many rows of one kind or stage, and the newest."""

    count: int = 0
    newest: Any = None


NOTHING = Group()


@dataclass(frozen=True)
class Facts:
    """Counts stop at MOST_COUNTED + 1. Rows are None where there is no such row."""

    counts: dict[str, int]
    # By kind of dataset, and by stage.
    versions: dict[str, Group]
    models: dict[str, Group]
    runs: dict[str, Group]
    tasks: int
    submitted: int
    source: Source | None
    source_to_clean: Source | None
    cleaning: CleaningRun | None
    project: Project | None
    project_without_tasks: Project | None
    project_with_work: Project | None
    answers_wanted: int
    open_reviews: int
    project_to_review: Project | None
    paused: GoldScore | None
    report: QualityReport | None
    deployment: Deployment | None
    rule_with_problem: RewardRule | None

    def count(self, name: str) -> int:
        return self.counts[name]

    def version(self, kind: str) -> DatasetVersion | None:
        return cast(DatasetVersion | None, self.versions.get(kind, NOTHING).newest)

    def model(self, *stages: str) -> ModelVersion | None:
        """The newest model of any of these stages."""
        found = [group.newest for stage in stages if (group := self.models.get(stage))]
        return max(found, key=lambda model: model.pk, default=None)


def facts_of(workspace: Workspace) -> Facts:
    described = Source.objects.filter(workspace=workspace).exclude(collector="").order_by("-pk")
    active = Project.objects.filter(workspace=workspace, state=Project.State.ACTIVE).order_by("-pk")
    imports = TaskImport.objects.filter(workspace=workspace, state=TaskImport.State.DONE)
    work = imports.aggregate(tasks=Sum("rows"))
    versions = DatasetVersion.objects.filter(workspace=workspace, redacted_at__isnull=True)
    answered = Standing.objects.filter(project__workspace=workspace).aggregate(total=Sum("submitted_count"))
    return Facts(
        counts=counted(**countable(workspace)),
        versions=_groups(versions, "dataset__kind", "dataset"),
        models=_groups(ModelVersion.objects.filter(workspace=workspace), "stage", "made_by"),
        runs=_groups(TrainingRun.objects.filter(workspace=workspace), "stage", "job", "dataset_version"),
        tasks=work["tasks"] or 0,
        submitted=answered["total"] or 0,
        source=described.first(),
        source_to_clean=_source_to_clean(described),
        cleaning=_cleaning(workspace),
        project=active.first(),
        project_without_tasks=active.exclude(Exists(imports.filter(project=OuterRef("pk")))).first(),
        **_work(active),
        **_quality(workspace),
        deployment=_deployment(workspace),
        rule_with_problem=RewardRule.objects.filter(workspace=workspace, is_active=True)
        .exclude(problem="")
        .first(),
    )


def countable(workspace: Workspace) -> dict[str, QuerySet[Any]]:
    """What is only counted, by name."""
    documents = Document.objects.filter(source__workspace=workspace)
    cleanings = CleaningRun.objects.filter(workspace=workspace)
    annotations = Annotation.objects.filter(project__workspace=workspace)
    deployments = Deployment.objects.filter(workspace=workspace, state=Deployment.State.ACTIVE)
    rules = RewardRule.objects.filter(workspace=workspace)
    erasures = Erasure.objects.filter(workspace=workspace)
    at_work = TrainingRun.objects.filter(workspace=workspace, job__state__in=AT_WORK)
    runs = {f"{stage}_at_work": at_work.filter(stage=stage) for stage in Stage.values}
    return runs | {
        "sources": Source.objects.filter(workspace=workspace).exclude(collector=""),
        "uploads_at_work": DocumentUpload.objects.filter(workspace=workspace, state="queued"),
        "kept": documents.filter(state=Document.State.KEPT),
        "removed": documents.filter(state=Document.State.REMOVED),
        "cleanings": cleanings.filter(state=CleaningRun.State.APPLIED),
        "projects": Project.objects.filter(workspace=workspace, state=Project.State.ACTIVE),
        "unchecked": annotations.filter(checked_at__isnull=True),
        "accepted": Acceptance.objects.filter(
            project__workspace=workspace,
            state=Acceptance.State.ACCEPTED,
            # A corrected answer is accepted or reviewed once, as it stands.
            annotation__is_current=True,
        ),
        "tags": VersionTag.objects.filter(workspace=workspace),
        "deployments": deployments,
        "outputs": Output.objects.filter(workspace=workspace),
        "feedback": Feedback.objects.filter(workspace=workspace),
        "complaints": complaints(workspace),
        "harvested": Harvest.objects.filter(workspace=workspace),
        "rules": rules.filter(is_active=True),
        "firings": RuleFiring.objects.filter(workspace=workspace),
        "edges": LineageEdge.objects.filter(workspace=workspace),
        "erasures": erasures,
        "erasures_at_work": erasures.filter(state=Erasure.State.QUEUED),
        "erasures_failed": erasures.filter(state=Erasure.State.FAILED),
    }


def complaints(workspace: Workspace) -> QuerySet[Output]:
    """Outputs that the newest feedback speaks against, and that no annotator has seen yet; each once."""
    # Praise is not counted, so without this bound all of it would be read.
    newest = Feedback.objects.filter(workspace=workspace).order_by("-pk").values("pk")[:MOST_COUNTED]
    bad = Feedback.objects.filter(SPOKEN_AGAINST, pk__in=newest).values("output")
    found = Output.objects.filter(pk__in=bad, erased_at__isnull=True).exclude(settings__has_key=SECOND_TO)
    return found.exclude(Exists(Harvest.objects.filter(output=OuterRef("pk"))))


def _groups(rows: QuerySet[Any], by: str, *parts: str) -> dict[str, Group]:
    """The rows in groups by one column, with these parts of each group's newest row."""
    grouped = list(rows.values_list(by).annotate(Count("pk"), Max("pk")).order_by())
    newest = rows.select_related(*parts).in_bulk([last for _name, _count, last in grouped])
    return {name: Group(count, newest[last]) for name, count, last in grouped}


def _work(active: QuerySet[Project]) -> dict[str, Any]:
    """The newest project with a task that somebody may still take, and how many answers it lacks."""
    project = active.filter(Exists(Task.objects.filter(project=OuterRef("pk"), open_slots__gt=0))).first()
    progress = progress_of([project])[project.pk] if project else None
    wanted = max(1, progress.wanted - progress.submitted) if progress else 0
    return {"project_with_work": project, "answers_wanted": wanted}


def _source_to_clean(described: QuerySet[Source]) -> Source | None:
    runs = CleaningRun.objects.filter(source=OuterRef("pk"), state=CleaningRun.State.APPLIED)
    documents = Document.objects.filter(source=OuterRef("pk"), state=Document.State.KEPT)
    return described.filter(Exists(documents)).exclude(Exists(runs)).first()


def _cleaning(workspace: Workspace) -> CleaningRun | None:
    """The newest cleaning that is at work or waits for a person."""
    states = (CleaningRun.State.PREVIEWING, CleaningRun.State.PREVIEW, CleaningRun.State.APPLYING)
    found = CleaningRun.objects.filter(workspace=workspace, state__in=states)
    return found.select_related("source").order_by("-pk").first()


def _quality(workspace: Workspace) -> dict[str, Any]:
    open_ones = Acceptance.objects.filter(
        project__workspace=workspace, state=Acceptance.State.OPEN, annotation__is_current=True
    )
    by_project = list(open_ones.values_list("project").annotate(total=Count("pk")).order_by("-total"))
    failed = GoldScore.objects.filter(workspace=workspace, verdict=GoldScore.Verdict.FAILED)
    # Somebody whom a reviewer let go on may fail again.
    scores = failed.filter(Q(reviewed_at__isnull=True) | Q(reviewed_at__lt=F("decided_at")))
    reports = QualityReport.objects.filter(workspace=workspace).select_related("project")
    return {
        "open_reviews": sum(total for _project, total in by_project),
        "project_to_review": Project.objects.get(pk=by_project[0][0]) if by_project else None,
        "paused": scores.select_related("project").first(),
        "report": reports.order_by("-pk").first(),
    }


def _deployment(workspace: Workspace) -> Deployment | None:
    """The newest that answers; one in trouble first."""
    found = Deployment.objects.filter(workspace=workspace, state=Deployment.State.ACTIVE)
    return found.order_by("-failure", "-pk").first()
