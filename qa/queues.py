"""The review queues of a workspace at a glance: per project why answers wait, since when, and how risky."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min
from django.utils import timezone
from django.utils.functional import Promise

from annotation.models import Project, Standing
from qa.listing import open_reviews
from qa.models import Acceptance, QualityReport
from qa.risks import REASONS, RISKS

# Over all projects, the riskiest first. Beyond this nobody needs the number.
MOST_READ = 20_000
MOST_PAUSED = 10


@dataclass
class Queue:
    """One project with what waits in it. `is_cut`: more may wait than was counted."""

    project: Project
    waiting: int = 0
    risk: float = 0.0
    oldest_at: datetime | None = None
    is_cut: bool = False
    paused: int = 0
    report: QualityReport | None = None
    by_reason: Counter[str] = field(default_factory=Counter)

    @property
    def reasons(self) -> list[tuple[str | Promise, int]]:
        """In words, the riskiest first."""
        names = sorted(self.by_reason, key=lambda name: (-RISKS.get(name, 0.0), name))
        return [(REASONS.get(name, name), self.by_reason[name]) for name in names]

    @property
    def agreement(self) -> dict[str, Any] | None:
        return self.report.report["agreement"]["all"] if self.report else None


def queues_of(projects: Sequence[Project]) -> list[Queue]:
    """In three queries for however many projects: the riskiest first."""
    queues = {project.pk: Queue(project) for project in projects}
    waiting = Acceptance.objects.filter(
        project__in=projects, state=Acceptance.State.OPEN, annotation__is_current=True
    )
    riskiest_first = waiting.order_by("-risk", "pk").values("pk")[: MOST_READ + 1]
    read = Acceptance.objects.filter(pk__in=riskiest_first)
    grouped = read.values_list("project", "reasons").order_by()
    for project, reasons, count, risk, oldest in grouped.annotate(
        count=Count("pk"), riskiest=Max("risk"), oldest=Min("created_at")
    ):
        _add(queues[project], reasons, count=count, risk=risk, oldest=oldest)
    total = sum(queue.waiting for queue in queues.values())
    reports = QualityReport.objects.filter(project__in=projects).order_by("project_id", "-pk")
    for report in reports.distinct("project_id"):
        queues[report.project_id].report = report
    paused = Standing.objects.filter(project__in=projects, paused_until__gt=timezone.now())
    for project, count in paused.values_list("project").annotate(count=Count("pk")).order_by():
        queues[project].paused = count
    for queue in queues.values():
        queue.is_cut = total > MOST_READ
    return sorted(queues.values(), key=lambda queue: (-queue.risk, -queue.waiting, -queue.project.pk))


def _add(queue: Queue, reasons: Collection[str], *, count: int, risk: float, oldest: datetime) -> None:
    queue.waiting += count
    queue.risk = max(queue.risk, risk)
    queue.oldest_at = min(queue.oldest_at or oldest, oldest)
    for reason in reasons:
        queue.by_reason[reason] += count


def riskiest(queues: Sequence[Queue]) -> Acceptance | None:
    """The answer that a reviewer should look at first."""
    waiting = [queue for queue in queues if queue.waiting]
    return open_reviews(waiting[0].project).first() if waiting else None


def paused_standings(projects: Sequence[Project]) -> list[Standing]:
    """Whose work is paused, with the person and the project; the last paused first."""
    paused = Standing.objects.filter(project__in=projects, paused_until__gt=timezone.now())
    return list(paused.select_related("membership__user", "project").order_by("-pk")[:MOST_PAUSED])
