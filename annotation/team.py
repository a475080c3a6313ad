"""Who works in a project: the people with the most answers, at a cost that does not grow with the team."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from accounts.models import Membership
from annotation.models import Project, Standing

FEW, MANY = 3, 8


@dataclass(frozen=True)
class Worker:
    membership: Membership
    answers: int
    is_paused: bool


@dataclass
class Team:
    """`people` counts everybody with an answer; `first` are those with the most."""

    people: int = 0
    first: list[Worker] = field(default_factory=list)

    @property
    def more(self) -> int:
        return self.people - len(self.first)


def teams_of(projects: Sequence[Project], *, named: int = FEW) -> dict[int, Team]:
    """By project id, in two queries for however many projects."""
    teams = {project.pk: Team() for project in projects}
    answered = Standing.objects.filter(project__in=projects, submitted_count__gt=0)
    for project, people in answered.values_list("project").annotate(people=Count("pk")).order_by():
        teams[project].people = people
    place = Window(
        RowNumber(), partition_by=F("project"), order_by=[F("submitted_count").desc(), F("pk").asc()]
    )
    first = answered.annotate(place=place).filter(place__lte=named).select_related("membership__user")
    for standing in first.order_by("project", "place"):
        worker = Worker(standing.membership, standing.submitted_count, is_paused=paused_now(standing))
        teams[standing.project_id].first.append(worker)
    return teams


def paused_now(standing: Standing | None) -> bool:
    return bool(standing and standing.paused_until and standing.paused_until > timezone.now())
