"""Pages of data sets."""

import json
import uuid

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from core.api import refuse_unknown_parameters
from core.pagination import newest_first
from corpus import lineage
from corpus.access import version_for, versions_of
from corpus.models import Dataset
from corpus.previews import first_rows, labelled_counts


@member_page(Role.REVIEWER)
@require_safe
def datasets(request: WorkspaceRequest) -> HttpResponse:
    refuse_unknown_parameters(request, {"before"})
    page = newest_first(versions_of(request.membership), before=request.GET.get("before", ""))
    return render(request, "corpus/datasets.html", {"page": page})


@member_page(Role.REVIEWER)
@require_safe
def dataset_version(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    version = version_for(membership=request.membership, uid=uid)
    node = ("dataset_version", version.uid)
    workspace = request.membership.workspace
    context = {
        "version": version,
        "counts": labelled_counts(version.manifest["counts"]),
        "heldout_percent": f"{version.manifest['policy']['split']['heldout_share']:.0%}",
        "manifest_text": json.dumps(version.manifest, indent=2, sort_keys=True, ensure_ascii=False),
        "previews": first_rows(version),
        "parents": lineage.ancestors(workspace=workspace, node=node),
        "children": lineage.descendants(workspace=workspace, node=node),
        "holds_preferences": version.dataset.kind == Dataset.Kind.PREFERENCES,
    }
    return render(request, "corpus/dataset_version.html", context)
