"""How projects and guidelines are named wherever lineage is shown."""

import uuid
from collections.abc import Collection

from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Workspace
from annotation.models import Guideline, Project
from corpus.lineage import Description, describes


@describes("project")
def describe_projects(workspace: Workspace, uids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    found = Project.objects.filter(workspace=workspace, uid__in=uids)
    return {
        project.uid: Description(
            label=project.name, url=reverse("project", args=[workspace.slug, project.uid])
        )
        for project in found
    }


@describes("guideline")
def describe_guidelines(workspace: Workspace, uids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    found = Guideline.objects.filter(workspace=workspace, uid__in=uids).select_related("project")
    return {
        row.uid: Description(
            label=_("%(project)s, guideline %(number)d") % {"project": row.project.name, "number": row.number}
        )
        for row in found
    }
