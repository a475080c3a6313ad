"""Quality assurance over HTTP: measure, gold, reviews, release. The same functions as the pages."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import require_role
from accounts.authentication import caller
from accounts.idempotency import HEADER, KEY, remembered
from accounts.models import Membership, Role
from annotation.access import project_for
from annotation.imports import BYTES_AT_ONCE, too_much_at_once
from annotation.models import Project
from core.api import object_of, refuse_unknown_parameters
from core.documenting import BEFORE
from core.errors import Invalid
from core.pagination import newest_first
from core.text import is_one_line, refusal
from corpus.models import DatasetVersion
from qa import gold, inbox, quality
from qa.access import acceptance_for, person_for
from qa.deciding import decide
from qa.freezing import freeze_project
from qa.gold_files import read_gold_lines
from qa.listing import gold_rows, reviews_of
from qa.models import Acceptance, QualityReport
from qa.serializers import (
    DecisionRequestSerializer,
    GoldImportSerializer,
    GoldListSerializer,
    LastReportSerializer,
    QualityReportSerializer,
    ReleasedSerializer,
    ReleaseRequestSerializer,
    ResumeRequestSerializer,
    ReviewListSerializer,
    ReviewSerializer,
)

STATE = OpenApiParameter("state", enum=Acceptance.State.values, description="By default the open ones.")
LENGTHS = {"policy": 20, "name": 120, "note": 500}


@extend_schema(methods=["GET"], summary="The last measurement of a project", responses=LastReportSerializer)
@extend_schema(
    methods=["POST"],
    summary="Measure a project now",
    description="202 with a job in `job` where there is much to read.",
    request=None,
    responses={201: QualityReportSerializer},
)
@api_view(["GET", "POST"])
def project_quality(request: Request, uid: uuid.UUID) -> Response:
    membership, project = _project(request, uid, Role.REVIEWER)
    refuse_unknown_parameters(request, set())
    if request.method == "POST":
        made = quality.measure_or_queue(project=project, by=membership)
        if isinstance(made, QualityReport):
            return Response(_report(made), status=201)
        return Response({"job": made.uid}, status=202)
    last = quality.last_report(project)
    return Response({"report": _report(last) if last else None})


def _project(request: Request, uid: uuid.UUID, role: Role) -> tuple[Membership, Project]:
    membership = caller(request)
    project = project_for(membership=membership, uid=uid)
    require_role(membership, role)
    return membership, project


def _report(report: QualityReport) -> dict[str, Any]:
    return {
        "uid": report.uid,
        "annotations": report.annotations,
        "report": report.report,
        "created_at": report.created_at,
    }


@extend_schema(
    methods=["GET"], summary="The newest hundred gold tasks of a project", responses=GoldListSerializer
)
@extend_schema(
    methods=["POST"],
    summary="Import gold tasks, all of them or none",
    description=(
        "JSON lines as for tasks, with `gold`: an answer or a list of them, candidates by place from 0: "
        '`{"ranking": [[0], [1]]}` or `{"labels": ["good"]}`; and perhaps an `explanation`.'
    ),
    parameters=[KEY],
    request={"application/x-ndjson": OpenApiTypes.STR},
    responses={201: GoldImportSerializer},
)
@api_view(["GET", "POST"])
def project_gold(request: Request, uid: uuid.UUID) -> Response:
    membership, project = _project(request, uid, Role.REVIEWER)
    refuse_unknown_parameters(request, set())
    if request.method == "POST":
        return _import_gold(request, membership, project)
    rows = [
        {
            "task": row.gold.task.uid,
            "accepted": row.gold.accepted,
            "explanation": row.gold.explanation,
            "answered": row.answered,
            "right": row.right,
        }
        for row in gold_rows(project)
    ]
    return Response({"results": rows})


def _import_gold(request: Request, membership: Membership, project: Project) -> Response:
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise too_much_at_once() from error
    if len(body) > BYTES_AT_ONCE:
        raise too_much_at_once()

    def act() -> tuple[int, dict[str, Any]]:
        records = read_gold_lines(body.splitlines(keepends=True))
        return 201, {"tasks": len(gold.import_gold(project=project, records=records, by=membership))}

    key, route = request.headers.get(HEADER), f"gold-import {project.uid}"
    status, answer = remembered(membership=membership, key=key, route=route, body=body, act=act)
    return Response(answer, status=status)


@extend_schema(
    summary="The reviews of a project in one state, newest first",
    parameters=[STATE, BEFORE],
    responses=ReviewListSerializer,
)
@api_view(["GET"])
def project_reviews(request: Request, uid: uuid.UUID) -> Response:
    _membership, project = _project(request, uid, Role.REVIEWER)
    refuse_unknown_parameters(request, {"state", "before"})
    state = request.GET.get("state", "") or Acceptance.State.OPEN
    if state not in Acceptance.State.values:
        raise Invalid(_("There is no such state."), fields={"state": _("unknown")})
    inbox.take_some(project=project)
    page = newest_first(reviews_of(project, state), before=request.GET.get("before", ""))
    return Response(page.body(_review))


@extend_schema(summary="One review", responses=ReviewSerializer)
@api_view(["GET"])
def review(request: Request, uid: uuid.UUID) -> Response:
    membership = caller(request)
    found = acceptance_for(membership=membership, uid=uid)
    require_role(membership, Role.REVIEWER)
    refuse_unknown_parameters(request, set())
    return Response(_review(found))


def _review(acceptance: Acceptance) -> dict[str, Any]:
    annotation = acceptance.annotation
    return {
        "uid": acceptance.uid,
        "annotation": annotation.uid,
        "task": annotation.task.uid,
        "annotator": annotation.membership.pseudonym,
        "state": acceptance.state,
        "reasons": acceptance.reasons,
        "risk": acceptance.risk,
        "answer": annotation.answer,
        "fixed_answer": acceptance.fixed_answer,
        "comment": acceptance.comment,
        "decided_by": acceptance.decided_by.pseudonym if acceptance.decided_by else None,
        "decided_at": acceptance.decided_at,
    }


@extend_schema(
    summary="Decide a review",
    description="409 when somebody else was faster, or the annotator has corrected the answer.",
    request=DecisionRequestSerializer,
    responses=ReviewSerializer,
)
@api_view(["POST"])
def review_decide(request: Request, uid: uuid.UUID) -> Response:
    membership = caller(request)
    found = acceptance_for(membership=membership, uid=uid)
    require_role(membership, Role.REVIEWER)
    body = _known(object_of(request), {"decision", "comment", "answer"})
    decide(
        acceptance=found,
        by=membership,
        decision=body.get("decision"),
        comment=body.get("comment", ""),
        answer=body.get("answer"),
    )
    return Response(_review(acceptance_for(membership=membership, uid=uid)))


@extend_schema(
    summary="Let a paused person work again in a project",
    description="409 when the person is not paused. A new test on gold starts.",
    request=ResumeRequestSerializer,
    responses={204: None},
)
@api_view(["POST"])
def person_resume(request: Request, uid: uuid.UUID) -> Response:
    membership = caller(request)
    who = person_for(membership=membership, uid=uid)
    require_role(membership, Role.REVIEWER)
    body = _known(object_of(request), {"project", "note"})
    project = project_for(membership=membership, uid=_uid(body.get("project")))
    gold.let_work_again(project=project, membership=who, by=membership, note=body.get("note", ""))
    return Response(status=204)


@extend_schema(
    summary="Release a project's answers into a frozen version",
    parameters=[KEY],
    request=ReleaseRequestSerializer,
    responses={201: ReleasedSerializer, 202: ReleasedSerializer},
)
@api_view(["POST"])
def project_release(request: Request, uid: uuid.UUID) -> Response:
    membership, project = _project(request, uid, Role.ADMIN)
    values = _release_values(object_of(request))

    def act() -> tuple[int, dict[str, Any]]:
        made = freeze_project(project=project, by=membership, **values)
        if isinstance(made, DatasetVersion):
            return 201, {"dataset_version": made.uid, "job": None}
        return 202, {"dataset_version": None, "job": made.uid}

    key, route = request.headers.get(HEADER), f"release {project.uid}"
    status, answer = remembered(membership=membership, key=key, route=route, body=request.body, act=act)
    return Response(answer, status=status)


def _release_values(body: Mapping[str, Any]) -> dict[str, Any]:
    _known(body, {"policy", "heldout_share", "name", "note"})
    values: dict[str, Any] = {"heldout_share": _share(body.get("heldout_share", 0.2))}
    problems = {}
    for name, longest in LENGTHS.items():
        text = body.get(name, "")
        if not isinstance(text, str) or len(text) > longest or refusal(text) or not is_one_line(text):
            problems[name] = _("One line of at most %(longest)d characters.") % {"longest": longest}
        values[name] = text
    if problems:
        raise Invalid(_("Some fields need mending."), fields=problems)
    return values


def _uid(value: object) -> uuid.UUID:
    try:
        return uuid.UUID(value) if isinstance(value, str) else uuid.UUID("")
    except ValueError as error:
        sentence = _("The uid of a project.")
        raise Invalid(_("Some fields need mending."), fields={"project": sentence}) from error


def _share(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    sentence = _("A number from 0 to 0.9.")
    raise Invalid(_("Some fields need mending."), fields={"heldout_share": sentence})


def _known(body: Mapping[str, Any], names: set[str]) -> Mapping[str, Any]:
    unknown = {str(name): _("Unknown field.") for name in body if name not in names}
    if unknown:
        raise Invalid(_("Some fields need mending."), fields=unknown)
    return body
