"""Pages of data sets."""

import json
import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from core.api import refuse_unknown_parameters
from core.errors import Unreadable
from core.pagination import newest_first
from corpus import lineage, tags
from corpus.access import version_for, versions_of
from corpus.diffs import diff
from corpus.models import DatasetVersion
from corpus.previews import first_rows, labelled_counts, preview
from corpus.redactions import last_successor

MOST_CHOICES = 100
ROWS_OF_A_CHANGE = 10


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
        "left": last_successor(version),
        "redacts": getattr(version, "redacts", None),
        "others": _comparable(request, version),
    }
    return render(request, "corpus/dataset_version.html", context)


def _comparable(request: WorkspaceRequest, version: DatasetVersion) -> list[DatasetVersion]:
    """Versions of the same kind, those of the same data set first."""
    same_kind = versions_of(request.membership).filter(dataset__kind=version.dataset.kind)
    newest = same_kind.prefetch_related(None).exclude(pk=version.pk).order_by("-pk")[:MOST_CHOICES]
    return sorted(newest, key=lambda other: other.dataset_id != version.dataset_id)


@member_page(Role.REVIEWER)
@require_safe
def version_diff(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """Against `with`, whichever of the two is older."""
    refuse_unknown_parameters(request, {"with"})
    version = version_for(membership=request.membership, uid=uid)
    older, newer = sorted([version, _other(request)], key=lambda one: one.pk)
    found = diff(older=older, newer=newer, limit=ROWS_OF_A_CHANGE)
    changes = [
        (_("Added"), found.added, found.added_rows),
        (_("Removed"), found.removed, found.removed_rows),
        (_("Changed"), found.changed, found.changed_rows),
    ]
    shown = [
        (label, count, [preview(entry.row, entry.split) for entry in rows]) for label, count, rows in changes
    ]
    context = {"version": version, "diff": found, "changes": shown, "others": _comparable(request, version)}
    return render(request, "corpus/diff.html", context)


def _other(request: WorkspaceRequest) -> DatasetVersion:
    try:
        uid = uuid.UUID(request.GET.get("with", ""))
    except ValueError as error:
        raise Unreadable(_("Choose a version to compare with."), fields={"with": "unreadable"}) from error
    return version_for(membership=request.membership, uid=uid)


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
