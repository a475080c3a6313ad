"""Two answers of a task beside one another, word by word: a fragment of the ranking page."""

import uuid

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page
from annotation.access import assignment_for
from annotation.comparison import compare


@require_safe
@member_page()
def comparison(request: WorkspaceRequest, uid: uuid.UUID, one: uuid.UUID, other: uuid.UUID) -> HttpResponse:
    found = assignment_for(membership=request.membership, uid=uid)
    context = {"comparison": compare(assignment=found, one=one, other=other)}
    return render(request, "annotation/task/comparison.html", context)
