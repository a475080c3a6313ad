"""The home of a workspace, and the pipeline: where things stand and what each role does next."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Membership, Role
from annotation.models import Project, Standing
from annotera.pipeline import next_stage, stages
from annotera.pipeline_picture import picture_of
from core.api import refuse_unknown_parameters
from core.requests import is_htmx
from training.access import models_of, runs_of
from training.alarm_notices import badge_of_model

LATEST = 5
MOST_CARDS = 20


@require_safe
@member_page()
def workspace_home(request: WorkspaceRequest) -> HttpResponse:
    """Annotators continue where they were; the others see the pipeline and its next step too."""
    membership = request.membership
    standings = {row.project_id: row for row in Standing.objects.filter(membership=membership)}
    projects = Project.objects.filter(workspace=membership.workspace, state=Project.State.ACTIVE)
    newest = projects.order_by("-pk")[:MOST_CARDS]
    cards = [{"project": project, "standing": standings.get(project.pk)} for project in newest]
    context: dict[str, Any] = {
        "cards": cards,
        "answered": sum(row.submitted_count for row in standings.values()),
    }
    if membership.may_review:
        context |= _pipeline(membership) | _latest(membership)
    return render(request, "annotera/workspace_home.html", context)


def _pipeline(membership: Membership) -> dict[str, Any]:
    found = stages(membership=membership)
    return {"stages": found, "next": next_stage(found)}


def _latest(membership: Membership) -> dict[str, Any]:
    models = models_of(membership).order_by("-pk")[:LATEST]
    return {
        "runs": list(runs_of(membership).order_by("-pk")[:LATEST]),
        "models": [(model, badge_of_model(model)) for model in models],
    }


@require_safe
@member_page(Role.REVIEWER)
def pipeline(request: WorkspaceRequest) -> HttpResponse:
    """All ten stages; a fragment of it comes every few seconds."""
    refuse_unknown_parameters(request, set())
    context = _pipeline(request.membership)
    context["picture"] = picture_of(context["stages"])
    template = "annotera/pipeline.html#live" if is_htmx(request) else "annotera/pipeline.html"
    return render(request, template, context)
