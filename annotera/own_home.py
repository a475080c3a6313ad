"""What home shows a person about their own work: where to go on, what came back, the last days, the words."""

from typing import Any

from django.db.models import Sum

from accounts.consent import has_current_consent
from accounts.models import Membership
from annotation.days import answers_by_day
from annotation.models import Annotation, Project, Standing
from annotation.own_work import in_hand, last_project_of, next_project, own_projects, returned_to
from qa.feedback import feedback_for

DAYS = 7
MOST_PROJECTS = 20
MOST_RETURNED = 5


def active_projects(membership: Membership) -> list[Project]:
    """The newest projects that are open; a page shows no more of them, and a list holds all."""
    found = Project.objects.filter(workspace_id=membership.workspace_id, state=Project.State.ACTIVE)
    return list(found.order_by("-pk")[:MOST_PROJECTS])


def to_go_on(membership: Membership) -> dict[str, Any]:
    """The tasks in hand and the answers that came back: what a person of any role has to do first."""
    returned = returned_to(membership, most=MOST_RETURNED + 1)
    return {
        "held": in_hand(membership),
        "returned": returned[:MOST_RETURNED],
        "more_returned": len(returned) > MOST_RETURNED,
    }


def own_home(membership: Membership, projects: list[Project]) -> dict[str, Any]:
    """The home of an annotator."""
    rows = own_projects(
        membership=membership, projects=Project.objects.filter(pk__in=[project.pk for project in projects])
    )
    mine = Annotation.objects.filter(membership=membership)
    answered = Standing.objects.filter(membership=membership).aggregate(total=Sum("submitted_count"))["total"]
    return {
        "projects": rows,
        "next": next_project(rows, last=last_project_of(membership)),
        "paused": [row for row in rows if row.pause],
        "days": answers_by_day(mine, days=DAYS),
        "answered": answered or 0,
        "feedback": feedback_for(membership),
        "has_consent": membership.is_simulated or has_current_consent(membership),
    }
