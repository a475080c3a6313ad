"""How far a project is, at a cost that does not grow with its tasks.

Tasks are counted by the imports that brought them and answers by the standings of the people, so a million
tasks cost no more than ten.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.core.cache import cache
from django.db.models import Sum

from annotation.models import Assignment, Project, Standing, TaskImport

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
    """Progress by project id, in two queries for however many projects."""
    found = list(projects)
    imports = TaskImport.objects.filter(project__in=found, state=TaskImport.State.DONE)
    tasks = dict(imports.values_list("project").annotate(total=Sum("rows")).order_by())
    standings = Standing.objects.filter(project__in=found)
    submitted = dict(standings.values_list("project").annotate(total=Sum("submitted_count")).order_by())
    return {
        project.pk: Progress(
            tasks=tasks.get(project.pk, 0),
            wanted=tasks.get(project.pk, 0) * project.overlap,
            submitted=submitted.get(project.pk, 0),
        )
        for project in found
    }


def recent_progress(project: Project, *, person: int, mine: int) -> Progress:
    """For the ranking page: other people's answers may be half a minute old, so that they cost nothing per
    answer; the person's own count at once.
    """
    key = f"progress-{project.pk}-{person}"
    known: tuple[Progress, int] | None = cache.get(key)
    if known is None:
        known = progress_of([project])[project.pk], mine
        cache.set(key, known, SECONDS_REMEMBERED)
    remembered, mine_then = known
    return replace(remembered, submitted=remembered.submitted + mine - mine_then)


def open_leases(project: Project) -> int:
    return Assignment.objects.filter(project=project, state=Assignment.State.LEASED).count()
