"""Pages of the model registry."""

import uuid

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from core.api import refuse_unknown_parameters
from core.pagination import newest_first
from corpus import lineage
from training.access import model_for, models_of
from training.alarm_notices import notice_of_model
from training.comparison import comparison_of
from training.figures import final_figures
from training.model_listing import by_name, deployments_of, last_samples, next_steps, with_deployments
from training.models import Stage, TrainingRun
from training.reward_quality import quality_of
from training.run_listing import of_stage
from training.settings_table import settings_of


@member_page(Role.REVIEWER)
@require_safe
def models(request: WorkspaceRequest) -> HttpResponse:
    refuse_unknown_parameters(request, {"before", "stage"})
    asked = request.GET.dict()
    found = of_stage(with_deployments(models_of(request.membership)), asked)
    page = newest_first(found, before=asked.get("before", ""))
    context = {
        "page": page,
        "groups": by_name(page.rows),
        "stage": asked.get("stage", ""),
        "stages": Stage.choices,
    }
    return render(request, "training/models.html", context)


@member_page(Role.REVIEWER)
@require_safe
def model(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    found = model_for(membership=request.membership, uid=uid)
    node = ("model_version", found.uid)
    workspace = request.membership.workspace
    headlines, figures = final_figures(found.metrics)
    run: TrainingRun | None = getattr(found, "made_by", None)
    is_policy, is_reward_model = found.stage == Stage.PPO, found.stage == Stage.REWARD
    settings = settings_of(stage=found.stage, config=found.manifest["config"])
    [served] = with_deployments(models_of(request.membership).filter(pk=found.pk))
    context = {
        "notice": notice_of_model(run) if run else None,
        "comparison": comparison_of(found.metrics, config=found.manifest["config"]) if is_policy else None,
        "quality": quality_of(found.metrics) if is_reward_model else None,
        "model": found,
        "headlines": headlines,
        "figures": figures,
        "settings": settings,
        "changed": [row for row in settings if row.is_changed],
        "samples": last_samples(run),
        "deployments": deployments_of(served),
        "next_steps": next_steps(found, slug=workspace.slug) if request.membership.is_admin else [],
        "parents": lineage.ancestors(workspace=workspace, node=node),
        "children": lineage.descendants(workspace=workspace, node=node),
        "is_reward_model": is_reward_model,
        "run": run,
        "bytes": sum(file["bytes"] for file in found.manifest["files"]),
    }
    return render(request, "training/model.html", context)
