"""The lineage of a dataset or model version, as a page and over HTTP."""

import uuid
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import WorkspaceRequest, member_page, require_role
from accounts.authentication import caller
from accounts.models import Membership, Role
from annotera.lineages import Lineage, lineage_of
from core.api import refuse_unknown_parameters
from core.errors import NotFound
from corpus.access import version_for
from corpus.lineage_picture import gathered, picture_of
from corpus.models import DatasetVersion
from training.access import model_for
from training.models import ModelVersion


def _found(membership: Membership, kind: str, uid: uuid.UUID) -> DatasetVersion | ModelVersion:
    if kind == "dataset_version":
        return version_for(membership=membership, uid=uid)
    if kind == "model_version":
        return model_for(membership=membership, uid=uid)
    raise NotFound(_("There is nothing at this address."))


@member_page(Role.REVIEWER)
@require_safe
def lineage(request: WorkspaceRequest, kind: str, uid: uuid.UUID) -> HttpResponse:
    """From sources and annotators on the left to models and outputs on the right."""
    refuse_unknown_parameters(request, set())
    found = _found(request.membership, kind, uid)
    whole = lineage_of(workspace=request.membership.workspace, node=(kind, found.uid))
    context = {
        "found": found,
        "lineage": whole,
        "picture": picture_of(gathered(whole.graph)),
        "root": whole.graph.nodes[whole.graph.root],
        # The farthest first: read from top to bottom, the lists tell the way that the data took.
        "above": whole.graph.above()[::-1],
        "below": whole.graph.below(),
    }
    return render(request, "annotera/lineage.html", context)


class LineageNode(serializers.Serializer[Any]):
    kind = serializers.CharField()
    uid = serializers.CharField()
    name = serializers.CharField()
    note = serializers.CharField()


class LineageStep(serializers.Serializer[Any]):
    parent_kind = serializers.CharField()
    parent_uid = serializers.CharField()
    child_kind = serializers.CharField()
    child_uid = serializers.CharField()
    role = serializers.CharField()


class AnnotatorRows(serializers.Serializer[Any]):
    annotator = serializers.CharField(help_text="The pseudonym.")
    rows = serializers.IntegerField()


class LineageAnswer(serializers.Serializer[Any]):
    """`is_complete` is false where files were erased, or there is more than one answer holds."""

    nodes = LineageNode(many=True)
    edges = LineageStep(many=True)
    annotators = AnnotatorRows(many=True)
    is_complete = serializers.BooleanField()


def _as_json(whole: Lineage) -> dict[str, Any]:
    return {
        "nodes": [
            {"kind": node.kind, "uid": node.key[1], "name": node.label, "note": node.note}
            for node in whole.graph.nodes.values()
        ],
        "edges": [
            dict(zip(("parent_kind", "parent_uid"), edge.parent, strict=True))
            | dict(zip(("child_kind", "child_uid"), edge.child, strict=True))
            | {"role": edge.role}
            for edge in whole.graph.edges
        ],
        "annotators": [{"annotator": name, "rows": rows} for name, rows in whole.annotators],
        "is_complete": whole.is_complete,
    }


def _answer(request: Request, kind: str, uid: uuid.UUID) -> Response:
    membership = caller(request)
    require_role(membership, Role.REVIEWER)
    refuse_unknown_parameters(request, set())
    found = _found(membership, kind, uid)
    return Response(_as_json(lineage_of(workspace=membership.workspace, node=(kind, found.uid))))


@extend_schema(operation_id="dataset_versions_lineage", responses=LineageAnswer)
@api_view(["GET"])
def dataset_version_lineage(request: Request, uid: uuid.UUID) -> Response:
    """Everything that a dataset version was made from and everything made from it, with each step."""
    return _answer(request, "dataset_version", uid)


@extend_schema(operation_id="models_lineage", responses=LineageAnswer)
@api_view(["GET"])
def model_lineage(request: Request, uid: uuid.UUID) -> Response:
    """Everything that a model was made from and everything made from it, with each step."""
    return _answer(request, "model_version", uid)
