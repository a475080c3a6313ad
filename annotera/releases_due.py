"""In which projects enough answers were accepted since the last version to be worth another."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db.models import Case, Count, DateTimeField, F, Max, Value, When
from django.db.models.functions import Greatest

from annotation.models import Project
from corpus.models import LineageEdge
from qa.models import Acceptance

# Fewer are not worth a version of their own.
LEAST = 20
MOST_READ = 20_000
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def due(projects: Sequence[Project]) -> list[tuple[Project, int]]:
    """The projects with the number of answers accepted since the last release; in two queries."""
    if not projects:
        return []
    edges = LineageEdge.objects.filter(
        workspace_id=projects[0].workspace_id,
        parent_kind="project",
        parent_uid__in=[project.uid for project in projects],
        role="annotations",
    )
    released = dict(edges.values_list("parent_uid").annotate(last=Max("created_at")).order_by())
    since = [When(project=project.pk, then=released.get(project.uid, NEVER)) for project in projects]
    accepted = Acceptance.objects.filter(
        project__in=projects, state=Acceptance.State.ACCEPTED, annotation__is_current=True
    )
    newest = Acceptance.objects.filter(pk__in=accepted.order_by("-pk").values("pk")[:MOST_READ])
    later = newest.alias(
        since=Case(*since, default=Value(NEVER), output_field=DateTimeField()),
        accepted_at=Greatest("created_at", "decided_at"),
    ).filter(accepted_at__gt=F("since"))
    counts = dict(later.values_list("project").annotate(count=Count("pk")).order_by())
    return [(project, counts[project.pk]) for project in projects if counts.get(project.pk, 0) >= LEAST]
