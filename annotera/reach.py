"""How far data went: from dataset versions to the runs, models and deployments that took it up."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from accounts.models import Workspace
from corpus import lineage
from corpus.models import DatasetVersion
from production.models import Deployment
from training.models import ModelVersion, RunSample, TrainingRun

MOST_EDGES = 20_000


@dataclass(frozen=True)
class Reach:
    """Runs that read one of the versions or a model that was reached, and what came of them."""

    versions: list[DatasetVersion]
    runs: list[TrainingRun]
    models: list[ModelVersion]
    deployments: list[Deployment]

    def as_json(self) -> dict[str, Any]:
        return {
            "versions": [_named(row) | _successor(row) for row in self.versions],
            "runs": [_named(row) | {"stage": row.stage, "state": row.job.state} for row in self.runs],
            "models": [_named(row) | {"stage": row.stage} for row in self.models],
            "deployments": [_named(row) | {"state": row.state} for row in self.deployments],
        }


def _named(row: DatasetVersion | TrainingRun | ModelVersion | Deployment) -> dict[str, Any]:
    return {"uid": str(row.uid), "name": str(row)}


def _successor(version: DatasetVersion) -> dict[str, Any]:
    left = version.successor
    return {"successor": str(left.uid) if left else None, "successor_name": str(left) if left else ""}


def reach_of(*, workspace: Workspace, versions: Collection[UUID]) -> Reach:
    models = _models_below(versions)
    trained = TrainingRun.objects.filter(workspace=workspace).filter(
        Q(dataset_version__uid__in=versions)
        | Q(base_model__uid__in=models)
        | Q(reward_model__uid__in=models)
        | Q(second_model__uid__in=models)
    )
    deployed = Deployment.objects.filter(workspace=workspace, model__uid__in=models)
    found = DatasetVersion.objects.filter(workspace=workspace, uid__in=versions)
    return Reach(
        versions=list(found.select_related("dataset", "successor__dataset").order_by("pk")),
        runs=list(trained.select_related("job", "dataset_version__dataset").order_by("pk")),
        models=list(ModelVersion.objects.filter(workspace=workspace, uid__in=models).order_by("pk")),
        deployments=list(
            deployed.select_related("model").annotate(output_count=Count("outputs")).order_by("pk")
        ),
    )


def _models_below(versions: Iterable[UUID]) -> set[UUID]:
    found: set[UUID] = set()
    for uid in versions:
        edges = lineage.walk_down(("dataset_version", uid), limit=MOST_EDGES)
        found |= {edge.child_uid for edge in edges if edge.child_kind == "model_version"}
    return found


def forget_samples(*, workspace: Workspace, versions: Collection[UUID]) -> int:
    """Delete the texts that runs on these versions showed: their prompts are rows of the version."""
    found = RunSample.objects.filter(run__workspace=workspace, run__dataset_version__uid__in=versions)
    return found.delete()[0]
