"""The home of a workspace, and the pipeline: where things stand and what each role does next."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Membership, Role
from annotera.homes import home_of
from annotera.pipeline import next_stage, stages
from annotera.pipeline_picture import picture_of
from core.api import refuse_unknown_parameters
from core.requests import is_htmx


@require_safe
@member_page()
def workspace_home(request: WorkspaceRequest) -> HttpResponse:
    """What this person does next: annotators go on, reviewers review, admins decide."""
    return render(request, "annotera/workspace_home.html", home_of(request.membership))


def _pipeline(membership: Membership) -> dict[str, Any]:
    found = stages(membership=membership)
    return {"stages": found, "next": next_stage(found)}


@require_safe
@member_page(Role.REVIEWER)
def pipeline(request: WorkspaceRequest) -> HttpResponse:
    """All ten stages; a fragment of it comes every few seconds."""
    refuse_unknown_parameters(request, set())
    context = _pipeline(request.membership)
    context["picture"] = picture_of(context["stages"])
    template = "annotera/pipeline.html#live" if is_htmx(request) else "annotera/pipeline.html"
    return render(request, template, context)
