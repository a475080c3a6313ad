"""Pages of data sets: the list of versions, and their tags."""

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from core.api import refuse_unknown_parameters
from core.errors import Unreadable
from core.pagination import newest_first
from corpus import tags
from corpus.access import version_for, versions_of
from corpus.models import Dataset, DatasetVersion, LineageEdge


@member_page(Role.REVIEWER)
@require_safe
def datasets(request: WorkspaceRequest) -> HttpResponse:
    refuse_unknown_parameters(request, {"before", "kind"})
    kind, found = request.GET.get("kind", ""), versions_of(request.membership)
    if kind and kind not in Dataset.Kind.values:
        raise Unreadable(_("There is no such kind of data."), fields={"kind": _("unknown")})
    if kind:
        found = found.filter(dataset__kind=kind)
    page = newest_first(found, before=request.GET.get("before", ""))
    models = models_made_from(page.rows)
    context = {
        "page": page,
        "rows": [_row(version, models.get(version.uid, 0)) for version in page.rows],
        "kind": kind,
        "kinds": Dataset.Kind.choices,
    }
    return render(request, "corpus/datasets.html", context)


def _row(version: DatasetVersion, models: int) -> dict[str, Any]:
    rows = version.train_rows + version.heldout_rows
    return {
        "version": version,
        "rows": rows,
        "train": f"{100 * version.train_rows / (rows or 1):.1f}%",
        "models": models,
    }


def models_made_from(found: list[DatasetVersion]) -> dict[uuid.UUID, int]:
    """How many models learned from each of these directly, in one query."""
    edges = LineageEdge.objects.filter(
        parent_kind="dataset_version",
        parent_uid__in=[version.uid for version in found],
        child_kind="model_version",
    )
    return dict(edges.values_list("parent_uid").annotate(Count("child_uid", distinct=True)).order_by())


@member_page(Role.ADMIN)
@require_POST
def version_tag(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    version = version_for(membership=request.membership, uid=uid)
    moved = tags.tag(version=version, name=request.POST.get("name", ""), by=request.membership)
    messages.success(request, _("The tag “%(name)s” is at this version now.") % {"name": moved.name})
    return redirect("dataset-version", request.membership.workspace.slug, version.uid)


@member_page(Role.ADMIN)
@require_POST
def version_untag(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    version = version_for(membership=request.membership, uid=uid)
    tags.untag(version=version, name=request.POST.get("name", ""), by=request.membership)
    messages.success(request, _("The tag is taken away."))
    return redirect("dataset-version", request.membership.workspace.slug, version.uid)
