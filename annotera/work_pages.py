"""One's own work: what came back, the last days, and every task opened with what is recorded about it."""

import uuid
from typing import Any

from django.db.models import Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Membership
from annotation.access import project_for
from annotation.days import answers_by_day
from annotation.models import Annotation, Assignment, Project, Standing
from annotation.own_work import SHOWN_CHARACTERS, returned_to
from annotation.submissions import REVISE_WITHIN
from annotation.texts import opening_of
from annotera.own_home import DAYS
from core.errors import Unreadable
from core.pagination import newest_first
from qa.feedback import said_about
from qa.models import Acceptance

AT_A_TIME = 30
MOST_RETURNED = 20
MOST_PROJECTS = 50


@require_safe
@member_page()
def my_work(request: WorkspaceRequest) -> HttpResponse:
    membership = request.membership
    project = _chosen(membership, request.GET.get("project", ""))
    mine = Assignment.objects.filter(membership=membership)
    if project:
        mine = mine.filter(project=project)
    found = mine.select_related("project", "task__body").prefetch_related("annotations__guideline", "events")
    page = newest_first(found, before=request.GET.get("before", ""), size=AT_A_TIME)
    said = said_about([one for assignment in page.rows for one in assignment.annotations.all()])
    answered = Annotation.objects.filter(membership=membership)
    total = Standing.objects.filter(membership=membership).aggregate(total=Sum("submitted_count"))["total"]
    context = {
        "rows": [_row(assignment, said.get(assignment.pk)) for assignment in page.rows],
        "next_cursor": page.next_cursor,
        "project": project,
        "projects": _projects(membership),
        "returned": returned_to(membership, most=MOST_RETURNED),
        "held": True,
        "days": answers_by_day(answered, days=DAYS),
        "answered": total or 0,
    }
    return render(request, "annotation/work.html", context)


def _chosen(membership: Membership, uid: str) -> Project | None:
    """The project that the list is narrowed to. Raises Unreadable and NotFound."""
    if not uid:
        return None
    try:
        return project_for(membership=membership, uid=uuid.UUID(uid))
    except ValueError as wrong:
        raise Unreadable(_("This is no project of the list."), fields={"project": _("unknown")}) from wrong


def _projects(membership: Membership) -> list[Project]:
    """Those in which the person has worked, for the choice above the list."""
    worked = Standing.objects.filter(membership=membership).values("project")
    return list(Project.objects.filter(pk__in=worked).order_by("-pk")[:MOST_PROJECTS])


def _row(assignment: Assignment, said: Acceptance | None) -> dict[str, Any]:
    revisions = sorted(assignment.annotations.all(), key=lambda annotation: annotation.revision)
    first = revisions[0] if revisions else None
    current = revisions[-1] if revisions else None
    return {
        "assignment": assignment,
        "opening": opening_of(assignment.task.body, longest=SHOWN_CHARACTERS),
        "lang": assignment.task.body.prompt.get("lang", ""),
        "current": current,
        "active_seconds": current.active_ms / 1000 if current else None,
        "wall_seconds": current.wall_ms / 1000 if current else None,
        "revisions": len(revisions),
        "events": sorted(assignment.events.all(), key=lambda event: event.pk),
        "said": said,
        "may_open": _may_open(assignment, first),
    }


def _may_open(assignment: Assignment, first: Annotation | None) -> bool:
    """Open work, a kept draft, or an answer that may still be corrected."""
    if assignment.state == Assignment.State.SUBMITTED:
        return first is not None and timezone.now() <= first.submitted_at + REVISE_WITHIN
    opens = {Assignment.State.LEASED, Assignment.State.RETURNED}
    return assignment.state in opens or assignment.draft is not None
