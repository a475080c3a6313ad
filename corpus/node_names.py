"""How corpus objects are named wherever lineage is shown."""

import uuid
from collections.abc import Collection

from django.urls import reverse

from accounts.models import Workspace
from corpus.lineage import Description, describes
from corpus.models import DatasetVersion, Source


@describes("dataset_version")
def describe_versions(workspace: Workspace, uids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    found = DatasetVersion.objects.filter(workspace=workspace, uid__in=uids).select_related("dataset")
    return {
        version.uid: Description(
            label=str(version), url=reverse("dataset-version", args=[workspace.slug, version.uid])
        )
        for version in found
    }


@describes("source")
def describe_sources(workspace: Workspace, uids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    found = Source.objects.filter(workspace=workspace, uid__in=uids)
    return {
        source.uid: Description(
            label=source.name if source.licence in source.name else f"{source.name}, {source.licence}",
            url=reverse("source", args=[workspace.slug, source.uid]),
        )
        for source in found
    }
