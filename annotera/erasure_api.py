"""Erasures over HTTP."""

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
from annotera.access import erasure_for, erasures_of
from annotera.erasures import LONGEST_REASON, live_reach, request_erasure, shown_state
from core.api import refuse_unknown_parameters
from core.pagination import newest_first
from corpus.models import Erasure
from corpus.subjects import LONGEST_IDENTIFIER


class ErasureRequest(serializers.Serializer[Any]):
    identifier = serializers.CharField(
        max_length=LONGEST_IDENTIFIER, help_text="As the data names the person. It is not stored."
    )
    reason = serializers.CharField(
        max_length=LONGEST_REASON, required=False, allow_blank=True, default="", help_text="No name: stored."
    )


class ErasureSummary(serializers.Serializer[Erasure]):
    uid = serializers.UUIDField()
    state = serializers.SerializerMethodField(help_text="queued, running, done or failed.")
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True)

    def get_state(self, erasure: Erasure) -> str:
        return shown_state(erasure).name


class ErasureDetail(ErasureSummary):
    """`report` is as it stood when the work was done, `reach` what was reached by now."""

    report = serializers.JSONField()
    reach = serializers.SerializerMethodField()

    def get_reach(self, erasure: Erasure) -> dict[str, Any]:
        return live_reach(erasure).as_json()


class ErasureList(serializers.Serializer[Any]):
    results = ErasureSummary(many=True)
    next = serializers.CharField(allow_null=True)


def _admin(request: Request) -> Membership:
    membership = caller(request)
    require_role(membership, Role.ADMIN)
    return membership


@extend_schema(
    methods=["GET"],
    operation_id="erasures_list",
    parameters=[OpenApiParameter("before", str, description="The cursor that the last page gave out.")],
    responses=ErasureList,
)
@extend_schema(
    methods=["POST"],
    operation_id="erasures_request",
    request=ErasureRequest,
    responses={202: ErasureDetail},
)
@api_view(["GET", "POST"])
def erasures(request: Request) -> Response:
    """The erasures of the workspace, the newest first; POST erases what is held of a person.

    It counts from the request on: nothing of the person comes in any more. Asking again runs it again.
    """
    membership = _admin(request)
    if request.method == "GET":
        refuse_unknown_parameters(request, {"before"})
        page = newest_first(erasures_of(membership), before=request.GET.get("before", ""))
        return Response(page.body(lambda row: dict(ErasureSummary(row).data)))
    given = ErasureRequest(data=request.data)
    given.is_valid(raise_exception=True)
    made = request_erasure(workspace=membership.workspace, by=membership, **given.validated_data)
    return Response(ErasureDetail(erasure_for(membership=membership, uid=made.uid)).data, status=202)


@extend_schema(operation_id="erasures_read", responses=ErasureDetail)
@api_view(["GET"])
def erasure(request: Request, uid: uuid.UUID) -> Response:
    """One erasure: what it erased, and every version, run and model that it reached."""
    membership = _admin(request)
    refuse_unknown_parameters(request, set())
    return Response(ErasureDetail(erasure_for(membership=membership, uid=uid)).data)
