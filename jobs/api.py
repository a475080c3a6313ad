"""Jobs over HTTP: list, read, cancel, and follow the log."""

import uuid
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import require_role
from accounts.authentication import caller
from accounts.models import Membership, Role
from core.api import refuse_unknown_parameters
from core.documenting import BEFORE
from core.pagination import newest_first
from jobs.access import job_for, jobs_for
from jobs.directories import log_of
from jobs.launching import cancel
from jobs.listing import in_state, offset
from jobs.models import Job
from jobs.serializers import JobListSerializer, JobSerializer, LogSerializer

STATE = OpenApiParameter("state", enum=list(Job.State.values), description="Only jobs in this state.")
AFTER = OpenApiParameter("after", int, description="Only the text after this many bytes.")


@extend_schema(
    operation_id="jobs_list",
    summary="The jobs of the workspace",
    parameters=[BEFORE, STATE],
    responses=JobListSerializer,
)
@api_view(["GET"])
def jobs(request: Request) -> Response:
    membership = _reader(request)
    refuse_unknown_parameters(request, {"before", "state"})
    rows = in_state(jobs_for(membership=membership), request.GET.dict())
    return Response(newest_first(rows, before=request.GET.get("before", "")).body(_job))


@extend_schema(summary="One job", responses=JobSerializer)
@api_view(["GET"])
def job(request: Request, uid: uuid.UUID) -> Response:
    membership = _reader(request)
    refuse_unknown_parameters(request, set())
    return Response(_job(job_for(membership=membership, uid=uid)))


@extend_schema(
    summary="Cancel a job", description="Repeating it is harmless.", request=None, responses=JobSerializer
)
@api_view(["POST"])
def cancel_job(request: Request, uid: uuid.UUID) -> Response:
    membership = caller(request)
    found = job_for(membership=membership, uid=uid)
    require_role(membership, Role.ADMIN)
    return Response(_job(cancel(job=found, by=membership)))


@extend_schema(summary="The log of a job, in parts", parameters=[AFTER], responses=LogSerializer)
@api_view(["GET"])
def log(request: Request, uid: uuid.UUID) -> Response:
    membership = _reader(request)
    refuse_unknown_parameters(request, {"after"})
    # The state is read first: whatever was written before the end is then in the part that says so.
    found = job_for(membership=membership, uid=uid)
    source = log_of(uid)
    part = source.read(after=offset(request.GET.dict()))
    ended = found.has_ended and part.next_offset >= source.size()
    return Response({"text": part.text, "start": part.start, "next": part.next_offset, "ended": ended})


def _reader(request: Request) -> Membership:
    membership = caller(request)
    require_role(membership, Role.REVIEWER)
    return membership


def _job(row: Job) -> dict[str, Any]:
    names = (
        "uid", "kind", "queue", "title", "state", "attempt", "max_attempts", "priority", "requirements",
        "progress", "sentence", "reason", "hint", "result", "request_id", "created_at", "not_before",
        "started_at", "ended_at", "cancel_requested_at",
    )  # fmt: skip
    found: dict[str, Any] = {name: getattr(row, name) for name in names}
    found["created_by"] = row.created_by.uid if row.created_by else None
    found["doorbell_rung"] = row.rung_at is not None or row.state != Job.State.QUEUED
    return found
