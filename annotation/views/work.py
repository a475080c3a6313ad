"""One's own work: every task opened, what was answered, and what is recorded about it."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page
from annotation.models import Assignment
from annotation.submissions import REVISE_WITHIN
from core.pagination import newest_first


@require_safe
@member_page()
def my_work(request: WorkspaceRequest) -> HttpResponse:
    mine = (
        Assignment.objects.filter(membership=request.membership)
        .select_related("project")
        .prefetch_related("annotations__guideline", "events")
    )
    page = newest_first(mine, before=request.GET.get("before", ""), size=30)
    rows = [_row(assignment) for assignment in page.rows]
    return render(request, "annotation/work.html", {"rows": rows, "next_cursor": page.next_cursor})


def _row(assignment: Assignment) -> dict[str, object]:
    revisions = sorted(assignment.annotations.all(), key=lambda annotation: annotation.revision)
    first = revisions[0] if revisions else None
    current = revisions[-1] if revisions else None
    return {
        "assignment": assignment,
        "current": current,
        "active_seconds": current.active_ms / 1000 if current else None,
        "wall_seconds": current.wall_ms / 1000 if current else None,
        "revisions": len(revisions),
        "events": sorted(assignment.events.all(), key=lambda event: event.pk),
        "may_open": _may_open(assignment, first.submitted_at + REVISE_WITHIN if first else None),
    }


def _may_open(assignment: Assignment, undo_until: object) -> bool:
    """Open work, a kept draft, or an answer that may still be corrected."""
    if assignment.state == Assignment.State.SUBMITTED:
        return bool(undo_until and timezone.now() <= undo_until)  # type: ignore[operator]
    opens = {Assignment.State.LEASED, Assignment.State.RETURNED}
    return assignment.state in opens or assignment.draft is not None
