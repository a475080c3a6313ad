"""Comparing and tagging dataset versions over HTTP."""

import uuid
from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import require_role
from accounts.authentication import caller
from accounts.models import Role
from core.api import refuse_unknown_parameters
from core.errors import Unreadable
from corpus import tags
from corpus.access import version_for
from corpus.api import DatasetVersionSummary, reader
from corpus.diffs import Diff, DiffRow, diff

MOST_ROWS = 50


class ChangedRow(serializers.Serializer[DiffRow]):
    split = serializers.CharField()
    row = serializers.JSONField()


class DatasetDiff(serializers.Serializer[Diff]):
    """Counts of all rows and the first of each change. Erased rows are counted, and gone."""

    older = serializers.UUIDField(source="older.uid")
    newer = serializers.UUIDField(source="newer.uid")
    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    erased = serializers.IntegerField(help_text="Of the removed rows, those of people whose data was erased.")
    added_rows = ChangedRow(many=True)
    removed_rows = ChangedRow(many=True)
    changed_rows = ChangedRow(many=True)


class VersionTagRequest(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)


@extend_schema(
    operation_id="dataset_versions_diff",
    parameters=[OpenApiParameter("with", uuid.UUID, required=True, description="The other version.")],
    responses=DatasetDiff,
)
@api_view(["GET"])
def version_diff(request: Request, uid: uuid.UUID) -> Response:
    """What differs between two versions of one kind, row by row; the one frozen first is the older one."""
    membership = reader(request)
    refuse_unknown_parameters(request, {"with"})
    try:
        other = uuid.UUID(request.GET.get("with", ""))
    except ValueError as error:
        raise Unreadable("Name the other version.", fields={"with": "not an id"}) from error
    pair = [version_for(membership=membership, uid=one) for one in (uid, other)]
    older, newer = sorted(pair, key=lambda version: version.pk)
    return Response(DatasetDiff(diff(older=older, newer=newer, limit=MOST_ROWS)).data)


@extend_schema(
    operation_id="dataset_versions_tag", request=VersionTagRequest, responses=DatasetVersionSummary
)
@api_view(["POST"])
def version_tag(request: Request, uid: uuid.UUID) -> Response:
    """Give a tag to this version; it moves here from the version of the same data set that had it."""
    return _tagged(request, uid, tags.tag)


@extend_schema(
    operation_id="dataset_versions_untag", request=VersionTagRequest, responses=DatasetVersionSummary
)
@api_view(["POST"])
def version_untag(request: Request, uid: uuid.UUID) -> Response:
    """Take a tag away from this version; 404 where it carries no such tag."""
    return _tagged(request, uid, tags.untag)


def _tagged(request: Request, uid: uuid.UUID, act: Callable[..., object]) -> Response:
    membership = caller(request)
    require_role(membership, Role.ADMIN)
    version = version_for(membership=membership, uid=uid)
    given = VersionTagRequest(data=request.data)
    given.is_valid(raise_exception=True)
    act(version=version, name=given.validated_data["name"], by=membership)
    return Response(DatasetVersionSummary(version_for(membership=membership, uid=uid)).data)
