"""A person's own work as it stands: tasks in hand, answers that came back, and what can be done next."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import BooleanField, Case, Exists, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import Membership
from annotation.models import Annotation, Assignment, Project, Standing, Task
from annotation.progress import Progress, progress_for
from annotation.standings import UNTIL_REVIEWED
from annotation.team import paused_now
from annotation.texts import opening_of

SHOWN_CHARACTERS = 160
MOST_IN_HAND = 3


@dataclass(frozen=True)
class Held:
    """A task that is open in the person's hands; `seconds_left` is 0 when its time ran out."""

    assignment: Assignment
    opening: str
    lang: str
    seconds_left: int

    @property
    def minutes_left(self) -> int:
        return self.seconds_left // 60


@dataclass(frozen=True)
class Returned:
    """An answer that a reviewer sent back, with what they wrote."""

    assignment: Assignment
    opening: str
    lang: str


@dataclass(frozen=True)
class OwnProject:
    """A project as one person sees it.

    `has_work`: a task is open that the queue would give to this person. `is_begun`: one is in their hands.
    """

    project: Project
    progress: Progress
    mine: int
    has_work: bool
    is_begun: bool
    pause: Standing | None

    @property
    def is_paused_for_good(self) -> bool:
        """Until somebody looked, that is: there is no hour at which it ends by itself."""
        return bool(self.pause and self.pause.paused_until and self.pause.paused_until >= UNTIL_REVIEWED)


def in_hand(membership: Membership) -> list[Held]:
    """The tasks of open projects that the person opened and did not finish, the last opened first."""
    leased = Assignment.objects.filter(
        project__state=Project.State.ACTIVE, membership=membership, state=Assignment.State.LEASED
    )
    now = timezone.now()
    found = leased.select_related("project", "task__body").order_by("-opened_at")[:MOST_IN_HAND]
    return [
        Held(
            assignment=assignment,
            opening=opening_of(assignment.task.body, longest=SHOWN_CHARACTERS),
            lang=assignment.task.body.prompt.get("lang", ""),
            seconds_left=max(0, int((assignment.lease_until - now).total_seconds()))
            if assignment.lease_until
            else 0,
        )
        for assignment in found
    ]


def returned_to(membership: Membership, *, most: int) -> list[Returned]:
    """What reviewers sent back, the oldest first, as the queue gives it out again."""
    waiting = Assignment.objects.filter(membership=membership, state=Assignment.State.RETURNED)
    found = waiting.select_related("project", "task__body").order_by("pk")[:most]
    return [
        Returned(
            row, opening_of(row.task.body, longest=SHOWN_CHARACTERS), row.task.body.prompt.get("lang", "")
        )
        for row in found
    ]


def begun(*, membership: Membership, projects: Sequence[Project]) -> set[int]:
    """The ids of those projects in which the person has a task in hand, opened or sent back."""
    waiting = (Assignment.State.LEASED, Assignment.State.RETURNED)
    held = Assignment.objects.filter(membership=membership, project__in=projects, state__in=waiting)
    return set(held.values_list("project_id", flat=True))


def own_projects(*, membership: Membership, projects: QuerySet[Project]) -> list[OwnProject]:
    """These projects with the person's place in them: those with work first, then what is paused or done."""
    own_standing = Standing.objects.filter(project=OuterRef("pk"), membership=membership)
    open_tasks = Task.objects.filter(project=OuterRef("pk"), open_slots__gt=0).exclude(
        purpose=Task.Purpose.GOLD
    )
    ahead = open_tasks.filter(queue_key__gt=OuterRef("cursor"))
    # Behind the cursor the queue gives what the person never had, or lost by time. The probe of each task is
    # dearer there: it is made only where nothing is ahead.
    had = Assignment.objects.filter(task=OuterRef("pk"), membership=membership)
    behind = open_tasks.filter(queue_key__lte=OuterRef("cursor")).filter(
        ~Exists(had.exclude(state=Assignment.State.EXPIRED))
    )
    work = Case(When(Exists(ahead), then=Value(True)), default=Exists(behind), output_field=BooleanField())
    cursor = Coalesce(Subquery(own_standing.values("cursor")[:1]), 0)
    found = list(projects.annotate(cursor=cursor).annotate(has_work=work))
    progress = progress_for(membership, found)
    standings = {
        row.project_id: row for row in Standing.objects.filter(membership=membership, project__in=found)
    }
    held = begun(membership=membership, projects=found)
    rows = []
    for project in found:
        standing = standings.get(project.pk)
        row = OwnProject(
            project=project,
            progress=progress[project.pk],
            mine=standing.submitted_count if standing else 0,
            has_work=project.has_work,
            is_begun=project.pk in held,
            pause=standing if paused_now(standing) else None,
        )
        rows.append(row)
    return sorted(rows, key=lambda row: (row.pause is not None, not (row.has_work or row.is_begun)))


def last_project_of(membership: Membership) -> int | None:
    """Where the person answered last."""
    mine = Annotation.objects.filter(membership=membership).order_by("-pk")
    return mine.values_list("project_id", flat=True).first()


def next_project(rows: Sequence[OwnProject], *, last: int | None) -> OwnProject | None:
    """The project of the last answer while it has work, else the first that has some."""
    open_ones = [row for row in rows if row.has_work and row.pause is None]
    for row in open_ones:
        if row.project.pk == last:
            return row
    return open_ones[0] if open_ones else None
