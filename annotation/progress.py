"""How far a project is, at a cost that does not grow with its tasks.

Tasks are counted by the imports that brought them and answers by the standings of the people, so a million
tasks cost no more than ten. Gold is no progress. But a counter that stands still after an answer would tell
an annotator that it was gold, so annotators are shown counts in which gold looks like work.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.core.cache import cache
from django.db.models import Count, F, Sum

from accounts.models import Membership
from annotation.models import Assignment, Project, Standing, Task, TaskImport

SECONDS_REMEMBERED = 30


@dataclass(frozen=True)
class Progress:
    """`wanted` is tasks times overlap; `submitted` counts answers, not tasks."""

    tasks: int
    wanted: int
    submitted: int

    @property
    def percent(self) -> int:
        return min(100, 100 * self.submitted // self.wanted) if self.wanted else 0


def progress_of(projects: Iterable[Project]) -> dict[int, Progress]:
    """Progress of the work by project id, in three queries for however many projects."""
    found = list(projects)
    imported, gold = _imported(found), _imported_gold(found)
    standings = Standing.objects.filter(project__in=found).values_list("project")
    work = Sum(F("submitted_count") - F("gold_count"))
    submitted = dict(standings.annotate(total=work).order_by())
    tasks = {project.pk: imported.get(project.pk, 0) - gold.get(project.pk, 0) for project in found}
    return {
        project.pk: Progress(
            tasks=tasks[project.pk],
            wanted=tasks[project.pk] * project.overlap,
            submitted=submitted.get(project.pk, 0),
        )
        for project in found
    }


def progress_for(membership: Membership, projects: Iterable[Project]) -> dict[int, Progress]:
    """What this person may see of it: only reviewers and admins can know gold from work."""
    return progress_of(projects) if membership.may_review else veiled_progress_of(projects)


def veiled_progress_of(projects: Iterable[Project]) -> dict[int, Progress]:
    """Gold counts as work does; as much gold as there will be is wanted from the start, on average."""
    found = list(projects)
    tasks = _imported(found)
    standings = Standing.objects.filter(project__in=found).values_list("project")
    submitted = dict(standings.annotate(total=Sum("submitted_count")).order_by())
    return {
        project.pk: _veiled(project, tasks.get(project.pk, 0), submitted.get(project.pk, 0))
        for project in found
    }


def _veiled(project: Project, tasks: int, submitted: int) -> Progress:
    """Chance may hand out more gold than the average: never more answers than are wanted."""
    wanted = tasks * project.overlap
    with_gold = wanted + wanted // project.gold_every if project.gold_every else wanted
    return Progress(tasks=tasks, wanted=max(with_gold, submitted), submitted=submitted)


def _imported(projects: list[Project]) -> dict[int, int]:
    imports = TaskImport.objects.filter(project__in=projects, state=TaskImport.State.DONE)
    return dict(imports.values_list("project").annotate(total=Sum("rows")).order_by())


def _imported_gold(projects: list[Project]) -> dict[int, int]:
    """Tasks that came as work and were made gold."""
    gold = Task.objects.filter(project__in=projects, purpose=Task.Purpose.GOLD, imported_in__isnull=False)
    return dict(gold.values_list("project").annotate(total=Count("pk")).order_by())


def recent_progress(project: Project, *, person: int, mine: int) -> Progress:
    """For the page of a task: other people's answers may be half a minute old, so that they cost nothing per
    answer; the person's own count at once.
    """
    key = f"progress-{project.pk}-{person}"
    known: tuple[Progress, int] | None = cache.get(key)
    if known is None:
        known = veiled_progress_of([project])[project.pk], mine
        cache.set(key, known, SECONDS_REMEMBERED)
    remembered, mine_then = known
    return replace(remembered, submitted=remembered.submitted + mine - mine_then)


def open_leases(project: Project) -> int:
    return Assignment.objects.filter(project=project, state=Assignment.State.LEASED).count()
