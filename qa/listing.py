"""What the lists of quality assurance hold, at a number of queries that does not grow with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, QuerySet
from django.utils import timezone

from annotation.models import Annotation, Candidate, Project, Standing, Task
from core.counting import counted
from qa.intervals import Strip, strip
from qa.models import Acceptance, Gold, GoldResult, GoldScore, QualityReport
from qa.statistics.proportions import wilson

MOST_GOLD = 100
MOST_OFFERED = 10
LEAST_ALPHA = -0.2


@dataclass(frozen=True)
class Overview:
    """A project in the list: the last measurement, and how many wait for a person."""

    project: Project
    report: QualityReport | None
    open_reviews: int
    paused_people: int

    @property
    def agreement(self) -> dict[str, Any] | None:
        return self.report.report["agreement"]["all"] if self.report else None

    @property
    def strip(self) -> Strip | None:
        found = self.agreement
        return strip(found["alpha"], found["low"], found["high"], least=LEAST_ALPHA) if found else None


def overviews(projects: Sequence[Project]) -> list[Overview]:
    """In three queries for however many projects."""
    reports = QualityReport.objects.filter(project__in=projects)
    newest = {row.project_id: row for row in reports.order_by("project_id", "-pk").distinct("project_id")}
    waiting = current(Acceptance.objects.filter(project__in=projects, state=Acceptance.State.OPEN))
    paused = Standing.objects.filter(project__in=projects, paused_until__gt=timezone.now())
    opened, held = _by_project(waiting), _by_project(paused)
    return [
        Overview(project, newest.get(project.pk), opened.get(project.pk, 0), held.get(project.pk, 0))
        for project in projects
    ]


def _by_project(rows: QuerySet[Any]) -> dict[int, int]:
    return dict(rows.values_list("project").annotate(count=Count("pk")).order_by())


def current(acceptances: QuerySet[Acceptance]) -> QuerySet[Acceptance]:
    """Without those whose answer the annotator corrected since."""
    return acceptances.filter(annotation__is_current=True)


def reviews_of(project: Project, state: str) -> QuerySet[Acceptance]:
    found = current(Acceptance.objects.filter(project=project, state=state))
    return found.select_related("annotation__task__body", "annotation__membership", "decided_by")


def open_reviews(project: Project) -> QuerySet[Acceptance]:
    """The riskiest first, and the oldest among equals."""
    return reviews_of(project, Acceptance.State.OPEN).order_by("-risk", "pk")


def review_counts(project: Project) -> dict[str, int]:
    """By state; each stops at `core.counting.MOST_COUNTED` + 1."""
    return counted(**{state.value: reviews_of(project, state) for state in Acceptance.State})


def scores_of(project: Project) -> list[GoldScore]:
    scores = GoldScore.objects.filter(project=project).select_related("membership")
    return list(scores.order_by("membership__pseudonym"))


def paused_people(project: Project) -> list[Standing]:
    paused = Standing.objects.filter(project=project, paused_until__gt=timezone.now())
    return list(paused.select_related("membership").order_by("membership__pseudonym"))


@dataclass(frozen=True)
class GoldRow:
    """A gold task with how people met it; one that most people miss is itself in doubt."""

    gold: Gold
    answered: int
    right: int
    candidates: Sequence[str] = ()

    @property
    def is_retired(self) -> bool:
        return not self.gold.accepted

    @property
    def is_doubtful(self) -> bool:
        return not self.is_retired and self.answered >= 5 and 2 * self.right < self.answered

    @property
    def percent(self) -> int | None:
        return round(100 * self.right / self.answered) if self.answered else None

    @property
    def strip(self) -> Strip | None:
        interval = wilson(self.right, self.answered)
        return strip(self.right / self.answered, *interval) if interval else None


def gold_rows(project: Project) -> list[GoldRow]:
    golds = Gold.objects.filter(task__project=project).select_related("task__body").order_by("-pk")
    listed = list(golds[:MOST_GOLD])
    results = GoldResult.objects.filter(task__in=[gold.task_id for gold in listed])
    counted = results.values_list("task", "is_right").annotate(count=Count("pk")).order_by()
    found: dict[tuple[int, bool], int] = {(task, right): count for task, right, count in counted}
    candidates = _candidates([gold.task_id for gold in listed])
    return [
        GoldRow(
            gold,
            found.get((gold.task_id, True), 0) + found.get((gold.task_id, False), 0),
            found.get((gold.task_id, True), 0),
            candidates.get(gold.task_id, ()),
        )
        for gold in listed
    ]


def _candidates(tasks: Sequence[int]) -> dict[int, list[str]]:
    """The candidates of tasks in the order in which they came in."""
    found: dict[int, list[str]] = {}
    placed = Candidate.objects.filter(task__in=tasks).order_by("task_id", "position")
    for task, uid in placed.values_list("task_id", "uid"):
        found.setdefault(task, []).append(str(uid))
    return found


def unseen_tasks(project: Project) -> list[Task]:
    """Work that nobody has: what may be made gold. The newest, as the queue reaches them last."""
    free = Task.objects.filter(project=project, purpose=Task.Purpose.WORK, open_slots=F("overlap"))
    # Somebody may have skipped or lost one of these, which does not matter; an answer would.
    return list(free.select_related("body").order_by("-pk")[:MOST_OFFERED])


def answers_beside(annotation: Annotation) -> list[Annotation]:
    """What others answered to the same task."""
    found = Annotation.objects.filter(task_id=annotation.task_id, is_current=True)
    beside = found.exclude(pk=annotation.pk).select_related("membership", "acceptance")
    return list(beside.order_by("pk"))
