"""Cleaning over HTTP: start a preview, read what it found, apply it, take it back."""

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import require_role
from accounts.authentication import caller
from accounts.models import Membership, Role
from core.api import refuse_unknown_parameters
from core.documenting import BEFORE
from core.pagination import newest_first
from corpus import cleaning_runs
from corpus.access import cleaning_for, source_for
from corpus.models import CleaningRun
from corpus.source_api import body_of, reader
from corpus.source_serializers import CleaningList, CleaningRequest, CleaningSummary


@extend_schema(
    methods=["GET"],
    operation_id="cleanings_list",
    summary="The cleanings of a source, newest first",
    parameters=[BEFORE],
    responses=CleaningList,
)
@extend_schema(
    methods=["POST"],
    operation_id="cleanings_preview",
    summary="Preview a cleaning: what each step would do",
    request=CleaningRequest,
    responses={201: CleaningSummary},
)
@api_view(["GET", "POST"])
def source_cleanings(request: Request, uid: uuid.UUID) -> Response:
    membership = caller(request)
    found = source_for(membership=membership, uid=uid)
    if request.method == "POST":
        require_role(membership, Role.ADMIN)
        given = body_of(request, known=("steps", "near_threshold", "quality"))
        run = cleaning_runs.preview(source=found, by=membership, settings=given)
        return Response(_cleaning(run), status=201)
    require_role(membership, Role.REVIEWER)
    refuse_unknown_parameters(request, {"before"})
    runs = found.cleaning_runs.select_related("source")
    return Response(newest_first(runs, before=request.GET.get("before", "")).body(_cleaning))


@extend_schema(operation_id="cleanings_read", summary="One cleaning", responses=CleaningSummary)
@api_view(["GET"])
def cleaning(request: Request, uid: uuid.UUID) -> Response:
    membership = reader(request)
    refuse_unknown_parameters(request, set())
    return Response(_cleaning(cleaning_for(membership=membership, uid=uid)))


@extend_schema(
    operation_id="cleanings_apply",
    summary="Do what the preview showed",
    request=None,
    responses={202: CleaningSummary},
)
@api_view(["POST"])
def cleaning_apply(request: Request, uid: uuid.UUID) -> Response:
    run = _for_admin(request, uid)
    return Response(_cleaning(cleaning_runs.apply(run=run, by=caller(request))), status=202)


@extend_schema(
    operation_id="cleanings_restore",
    summary="Bring back what an applied cleaning removed and changed",
    request=None,
    responses={200: CleaningSummary},
)
@api_view(["POST"])
def cleaning_restore(request: Request, uid: uuid.UUID) -> Response:
    run = _for_admin(request, uid)
    return Response(_cleaning(cleaning_runs.restore(run=run, by=caller(request))))


def _for_admin(request: Request, uid: uuid.UUID) -> CleaningRun:
    membership: Membership = caller(request)
    found = cleaning_for(membership=membership, uid=uid)
    require_role(membership, Role.ADMIN)
    return found


def _cleaning(run: CleaningRun) -> dict[str, Any]:
    return dict(CleaningSummary(run).data)
