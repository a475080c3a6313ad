"""How models are named wherever lineage is shown."""

import uuid
from collections.abc import Collection

from django.urls import reverse

from accounts.models import Workspace
from corpus.lineage import Description, describes
from training.models import ModelVersion


@describes("model_version")
def describe_models(workspace: Workspace, uids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    found = ModelVersion.objects.filter(workspace=workspace, uid__in=uids)
    return {
        model.uid: Description(
            label=f"{model} ({model.get_stage_display()})",
            url=reverse("model", args=[workspace.slug, model.uid]),
        )
        for model in found
    }
