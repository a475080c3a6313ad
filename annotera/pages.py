"""The workspace's home: what each role does next, with counts that cost the same at any size."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Workspace
from annotation.models import Project, Standing, Task
from corpus.models import Dataset, DatasetVersion
from training.alarm_notices import badge_of_model
from training.models import ModelVersion, Stage, TrainingRun

LATEST = 5
MOST_CARDS = 20


@require_safe
@member_page()
def workspace_home(request: WorkspaceRequest) -> HttpResponse:
    """Annotators continue where they were; admins see the line from project to model and its next step."""
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
        context |= line_to_a_model(membership.workspace)
    return render(request, "annotera/workspace_home.html", context)


def line_to_a_model(workspace: Workspace) -> dict[str, Any]:
    """The newest row of each station between tasks and models, and the latest runs and models."""
    preferences = DatasetVersion.objects.filter(workspace=workspace, dataset__kind=Dataset.Kind.PREFERENCES)
    runs = TrainingRun.objects.filter(workspace=workspace).select_related("job")
    models = ModelVersion.objects.filter(workspace=workspace).select_related("made_by")
    policy = models.filter(stage=Stage.PPO).order_by("-pk").first()
    return {
        "has_tasks": Task.objects.filter(workspace=workspace).exists(),
        "frozen": preferences.select_related("dataset").order_by("-pk").first(),
        "reward_model": models.filter(stage=Stage.REWARD).order_by("-pk").first(),
        "policy": policy,
        "policy_badge": badge_of_model(policy) if policy else None,
        "runs": list(runs.order_by("-pk")[:LATEST]),
        "models": [(model, badge_of_model(model)) for model in models.order_by("-pk")[:LATEST]],
    }
