"""Dataset versions over HTTP: list, read, and their rows."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import require_role
from accounts.authentication import caller
from accounts.models import Membership, Role
from core.api import refuse_unknown_parameters
from core.errors import Unreadable
from core.pagination import newest_first
from corpus import versions
from corpus.access import version_for, versions_of
from corpus.models import DatasetVersion
from corpus.splits import SPLITS, Split

MOST_ROWS = 100


class DatasetVersionSummary(serializers.Serializer[DatasetVersion]):
    uid = serializers.UUIDField()
    name = serializers.CharField(source="dataset.name")
    kind = serializers.CharField(source="dataset.kind")
    number = serializers.IntegerField()
    sha256 = serializers.CharField()
    train_rows = serializers.IntegerField()
    heldout_rows = serializers.IntegerField()
    note = serializers.CharField()
    frozen_at = serializers.DateTimeField()
    tags = serializers.SerializerMethodField()
    redacted_at = serializers.DateTimeField(
        allow_null=True, help_text="When a person's data was erased from it; it is not used again then."
    )
    successor = serializers.UUIDField(
        source="successor.uid", allow_null=True, default=None, help_text="The version with what is left."
    )

    def get_tags(self, version: DatasetVersion) -> list[str]:
        return [tag.name for tag in version.tags.all()]


class DatasetVersionDetail(DatasetVersionSummary):
    manifest = serializers.JSONField()


class DatasetVersionList(serializers.Serializer[Any]):
    results = DatasetVersionSummary(many=True)
    next = serializers.CharField(allow_null=True)


class DatasetRows(serializers.Serializer[Any]):
    results = serializers.ListField(child=serializers.JSONField())
    next = serializers.IntegerField(allow_null=True)


def reader(request: Request) -> Membership:
    membership = caller(request)
    require_role(membership, Role.REVIEWER)
    return membership


@extend_schema(
    operation_id="dataset_versions_list",
    parameters=[OpenApiParameter("before", str, description="The cursor that the last page gave out.")],
    responses=DatasetVersionList,
)
@api_view(["GET"])
def dataset_versions(request: Request) -> Response:
    """Frozen dataset versions, the newest first."""
    membership = reader(request)
    refuse_unknown_parameters(request, {"before"})
    page = newest_first(versions_of(membership), before=request.GET.get("before", ""))
    return Response(page.body(lambda version: dict(DatasetVersionSummary(version).data)))


@extend_schema(operation_id="dataset_versions_read", responses=DatasetVersionDetail)
@api_view(["GET"])
def dataset_version(request: Request, uid: uuid.UUID) -> Response:
    """A version with its manifest: files, counts, parents, licence and split policy."""
    membership = reader(request)
    refuse_unknown_parameters(request, set())
    return Response(DatasetVersionDetail(version_for(membership=membership, uid=uid)).data)


@extend_schema(
    operation_id="dataset_versions_rows",
    parameters=[
        OpenApiParameter("split", str, enum=list(SPLITS), description="train by default."),
        OpenApiParameter("after", int, description="How many rows to pass over."),
    ],
    responses=DatasetRows,
)
@api_view(["GET"])
def dataset_rows(request: Request, uid: uuid.UUID) -> Response:
    """Rows of a split in their stored order, a hundred at a time; 410 where they were erased."""
    membership = reader(request)
    refuse_unknown_parameters(request, {"split", "after"})
    version = version_for(membership=membership, uid=uid)
    after = _position(request.GET.get("after", "0"))
    found = versions.rows(
        version, split=_split(request.GET.get("split", "train")), after=after, limit=MOST_ROWS
    )
    following = after + len(found) if len(found) == MOST_ROWS else None
    return Response({"results": found, "next": following})


def _split(text: str) -> Split:
    for split in SPLITS:
        if text == split:
            return split
    raise Unreadable("The split must be train or heldout.", fields={"split": "unknown"})


def _position(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    raise Unreadable("The position must be a whole number.", fields={"after": "not a whole number"})
