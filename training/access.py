"""Fetching with the permission inside: another workspace's run or model does not exist."""

import uuid
from collections.abc import Sequence

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Membership
from core.errors import NotFound
from training.models import ModelVersion, TrainingRun


def runs_of(membership: Membership) -> QuerySet[TrainingRun]:
    found = TrainingRun.objects.filter(workspace_id=membership.workspace_id)
    return found.select_related(
        "job", "workspace", "dataset_version__dataset", "base_model", "reward_model", "second_model",
        "output_model", "created_by__user",
    )  # fmt: skip


def run_for(*, membership: Membership, uid: uuid.UUID) -> TrainingRun:
    run = runs_of(membership).filter(uid=uid).first()
    if run is None:
        raise NotFound(_("There is no such run in this workspace."))
    return run


def several_runs(*, membership: Membership, uids: Sequence[uuid.UUID]) -> list[TrainingRun]:
    """In the order asked for; raises NotFound when one of them is not in this workspace."""
    found = {run.uid: run for run in runs_of(membership).filter(uid__in=uids)}
    if len(found) < len(set(uids)):
        raise NotFound(_("One of these runs is not in this workspace."))
    return [found[uid] for uid in uids]


def models_of(membership: Membership) -> QuerySet[ModelVersion]:
    found = ModelVersion.objects.filter(workspace_id=membership.workspace_id)
    return found.select_related("workspace", "created_by__user", "made_by")


def model_for(*, membership: Membership, uid: uuid.UUID) -> ModelVersion:
    model = models_of(membership).filter(uid=uid).first()
    if model is None:
        raise NotFound(_("There is no such model in this workspace."))
    return model
