"""Projects and tasks over HTTP: list, create, read, import, export."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import require_role
from accounts.authentication import caller
from accounts.idempotency import HEADER, KEY, remembered
from accounts.models import Membership, Role
from annotation.access import project_for, projects_of, task_for
from annotation.downloads import exported
from annotation.exports import content_of
from annotation.imports import import_at_once, too_much_at_once
from annotation.models import Project, Task
from annotation.progress import Progress, progress_for, progress_of
from annotation.projects import check_settings, create_project, settings_of
from annotation.serializers import (
    ImportSerializer,
    ProjectListSerializer,
    ProjectRequestSerializer,
    ProjectSerializer,
    TaskListSerializer,
    WholeTaskSerializer,
)
from core.api import object_of, refuse_unknown_parameters
from core.documenting import BEFORE
from core.pagination import newest_first


@extend_schema(
    methods=["GET"],
    operation_id="projects_list",
    summary="The projects of the workspace",
    parameters=[BEFORE],
    responses=ProjectListSerializer,
)
@extend_schema(
    methods=["POST"],
    summary="Make a project",
    parameters=[KEY],
    request=ProjectRequestSerializer,
    responses={201: ProjectSerializer},
)
@api_view(["GET", "POST"])
def projects(request: Request) -> Response:
    membership = caller(request)
    if request.method == "POST":
        return _create(request, membership)
    refuse_unknown_parameters(request, {"before"})
    page = newest_first(projects_of(membership), before=request.GET.get("before", ""))
    progress = progress_for(membership, page.rows)
    return Response(page.body(lambda project: _project(membership, project, progress[project.pk])))


def _create(request: Request, membership: Membership) -> Response:
    require_role(membership, Role.ADMIN)
    settings = check_settings(object_of(request))

    def act() -> tuple[int, dict[str, Any]]:
        project = create_project(membership=membership, settings=settings)
        return 201, _project(membership, project, progress_of([project])[project.pk])

    status, answer = remembered(
        membership=membership,
        key=request.headers.get(HEADER),
        route="project-create",
        body=request.body,
        act=act,
    )
    response = Response(answer, status=status)
    response["Location"] = reverse("api-project", args=[answer["uid"]])
    return response


@extend_schema(summary="One project", responses=ProjectSerializer)
@api_view(["GET"])
def project(request: Request, uid: uuid.UUID) -> Response:
    refuse_unknown_parameters(request, set())
    membership = caller(request)
    found = project_for(membership=membership, uid=uid)
    return Response(_project(membership, found, progress_for(membership, [found])[found.pk]))


@extend_schema(
    methods=["GET"],
    summary="The tasks of a project, newest first, without their texts",
    parameters=[BEFORE],
    responses=TaskListSerializer,
)
@extend_schema(
    methods=["POST"],
    summary="Import tasks, all of them or none",
    description=(
        "JSON lines, at most 10,000 rows or 10 MB; larger files are uploaded on the project's page, where a "
        'job imports them. A line: `{"id": "t1", "lang": "en", "prompt": "..." or [{"role", "content"}], '
        '"candidates": ["...", {"content": "...", "source": {"model": "..."}}]}`.'
    ),
    parameters=[KEY],
    request={"application/x-ndjson": OpenApiTypes.STR},
    responses={201: ImportSerializer},
)
@api_view(["GET", "POST"])
def tasks(request: Request, uid: uuid.UUID) -> Response:
    membership = caller(request)
    found = project_for(membership=membership, uid=uid)
    if request.method == "POST":
        return _import(request, membership, found)
    require_role(membership, Role.REVIEWER)
    refuse_unknown_parameters(request, {"before"})
    page = newest_first(Task.objects.filter(project=found), before=request.GET.get("before", ""))
    return Response(page.body(_task))


def _import(request: Request, membership: Membership, found: Project) -> Response:
    require_role(membership, Role.ADMIN)
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise too_much_at_once() from error

    def act() -> tuple[int, dict[str, Any]]:
        batch = import_at_once(membership=membership, project=found, body=body)
        return 201, {"uid": batch.uid, "rows": batch.rows}

    status, answer = remembered(
        membership=membership,
        key=request.headers.get(HEADER),
        route=f"task-import {found.uid}",
        body=body,
        act=act,
    )
    return Response(answer, status=status)


@extend_schema(
    summary="One task with its texts",
    description="The candidates' sources are shown to admins only.",
    responses=WholeTaskSerializer,
)
@api_view(["GET"])
def task(request: Request, uid: uuid.UUID) -> Response:
    membership = caller(request)
    require_role(membership, Role.REVIEWER)
    refuse_unknown_parameters(request, set())
    found = task_for(membership=membership, uid=uid)
    sources = dict(found.candidates.values_list("uid", "source")) if membership.is_admin else {}
    candidates = [
        {"id": key, "content": content_of(body), "lang": body["lang"]}
        for key, body in found.body.candidates.items()
    ]
    if membership.is_admin:
        for candidate in candidates:
            candidate["source"] = sources[uuid.UUID(candidate["id"])]
    return Response({**_task(found), **prompt_of(found.body.prompt), "candidates": candidates})


@extend_schema(
    summary="All current answers as JSON lines",
    description="Streamed; people appear by pseudonym only.",
    responses={(200, "application/x-ndjson"): OpenApiResponse(OpenApiTypes.STR)},
)
@api_view(["GET"])
def export(request: Request, uid: uuid.UUID) -> StreamingHttpResponse:
    membership = caller(request)
    found = project_for(membership=membership, uid=uid)
    require_role(membership, Role.ADMIN)
    refuse_unknown_parameters(request, set())
    return exported(membership, found)


def _project(membership: Membership, project: Project, progress: Progress) -> dict[str, Any]:
    settings = settings_of(project)
    # How often gold comes is not for those whom it measures.
    if not membership.may_review:
        del settings["gold_every"]
    return {
        "uid": project.uid,
        "state": project.state,
        **settings,
        "created_at": project.created_at,
        "progress": {
            "tasks": progress.tasks,
            "wanted": progress.wanted,
            "submitted": progress.submitted,
        },
    }


def _task(found: Task) -> dict[str, Any]:
    return {
        "uid": found.uid,
        "external_id": found.external_id,
        "overlap": found.overlap,
        "open_slots": found.open_slots,
        "created_at": found.created_at,
    }


def prompt_of(prompt: Mapping[str, Any]) -> dict[str, Any]:
    messages = [{"role": message["role"], "content": content_of(message)} for message in prompt["messages"]]
    return {"lang": prompt["lang"], "prompt": messages}
