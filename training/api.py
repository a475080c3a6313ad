"""Runs and models over HTTP."""

import dataclasses
import uuid
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import require_role
from accounts.authentication import caller
from accounts.idempotency import HEADER, remembered
from accounts.models import Membership, Role
from core.api import refuse_unknown_parameters
from core.documenting import BEFORE
from core.errors import NotFound
from core.pagination import newest_first
from corpus.access import version_for
from corpus.models import DatasetVersion
from training.access import model_for, models_of, run_for, runs_of
from training.metric_questions import PARAMETERS, question_of
from training.metrics import metrics_for
from training.models import ModelVersion
from training.run_checks import RunRefused
from training.runs import cancel_run, start_run
from training.serializers import (
    ModelDetail,
    ModelList,
    ModelSummary,
    NewRun,
    RunDetail,
    RunList,
    RunMetrics,
    RunSummary,
)

STEPS = [
    OpenApiParameter("after", int, description="Only steps after this one: what came since `next`."),
    OpenApiParameter("from", int, description="Only this step and later ones: a closer look at a stretch."),
    OpenApiParameter("to", int, description="Only this step and earlier ones."),
]
MODELS = ("base_model", "reward_model", "second_model")
KEY = OpenApiParameter(HEADER, location=OpenApiParameter.HEADER, description="A repeat starts no second run.")


def _member(request: Request, role: Role) -> Membership:
    membership = caller(request)
    require_role(membership, role)
    return membership


@extend_schema(methods=["GET"], operation_id="runs_list", parameters=[BEFORE], responses=RunList)
@extend_schema(
    methods=["POST"], operation_id="runs_create", parameters=[KEY], request=NewRun, responses={201: RunDetail}
)
@api_view(["GET", "POST"])
def runs(request: Request) -> Response:
    """The runs of the workspace, the newest first; POST starts a run."""
    if request.method == "POST":
        return _create(request)
    membership = _member(request, Role.REVIEWER)
    refuse_unknown_parameters(request, {"before"})
    page = newest_first(runs_of(membership), before=request.GET.get("before", ""))
    return Response(page.body(lambda row: dict(RunSummary(row).data)))


def _create(request: Request) -> Response:
    membership = _member(request, Role.ADMIN)
    body = request.body
    given = NewRun(data=request.data)
    given.is_valid(raise_exception=True)
    status, answer = remembered(
        membership=membership,
        key=request.headers.get(HEADER),
        route="api-runs",
        body=body,
        act=lambda: (201, _started(membership, given.validated_data)),
    )
    return Response(answer, status=status)


def _started(membership: Membership, given: Mapping[str, Any]) -> dict[str, Any]:
    version, models = _parts(membership, given)
    run = start_run(
        workspace=membership.workspace,
        stage=given["stage"],
        name=given["name"],
        config_values=given["config"],
        dataset_version=version,
        by=membership,
        **models,
    )
    return dict(RunDetail(run).data)


def _parts(
    membership: Membership, given: Mapping[str, Any]
) -> tuple[DatasetVersion, dict[str, ModelVersion | None]]:
    """The objects behind the ids; raises RunRefused that names the field of one that does not exist."""
    try:
        field = "dataset_version"
        version = version_for(membership=membership, uid=given[field])
        models = {}
        for field in MODELS:
            models[field] = model_for(membership=membership, uid=given[field]) if given[field] else None
    except NotFound as error:
        raise RunRefused({field: error.message}) from error
    return version, models


@extend_schema(operation_id="runs_read", responses=RunDetail)
@api_view(["GET"])
def run(request: Request, uid: uuid.UUID) -> Response:
    """One run with its settings, its state and, in the end, its result and model."""
    membership = _member(request, Role.REVIEWER)
    refuse_unknown_parameters(request, set())
    return Response(RunDetail(run_for(membership=membership, uid=uid)).data)


@extend_schema(operation_id="runs_cancel", request=None, responses=RunDetail)
@api_view(["POST"])
def run_cancel(request: Request, uid: uuid.UUID) -> Response:
    """Stop a run. It keeps its metrics and makes no model; repeating it is harmless."""
    membership = caller(request)
    found = run_for(membership=membership, uid=uid)
    require_role(membership, Role.ADMIN)
    return Response(RunDetail(cancel_run(run=found, by=membership)).data)


@extend_schema(operation_id="runs_metrics", parameters=STEPS, responses=RunMetrics)
@api_view(["GET"])
def run_metrics(request: Request, uid: uuid.UUID) -> Response:
    """What was measured: at most about 2,000 points a figure.

    A longer stretch is thinned, and `kept` says how: with `extremes`, the least and the greatest value of
    each of 1,000 even parts are there, so that its highest spike is seen; beyond 250,000 steps it is `even`,
    evenly spaced steps. Ask for a part with `from` and `to` to see it closer.
    """
    membership = _member(request, Role.REVIEWER)
    refuse_unknown_parameters(request, set(PARAMETERS))
    found = run_for(membership=membership, uid=uid)
    asked = question_of(request.GET.dict())
    points = metrics_for(found, after=asked.after, first=asked.first, last=asked.last)
    return Response(
        {
            "run": str(found.uid),
            "state": found.job.state,
            "attempt": found.job.attempt,
            "total": points.total,
            "kept": points.kept,
            "series": {name: dataclasses.asdict(line) for name, line in points.series.items()},
            "next": points.last_step,
        }
    )


@extend_schema(operation_id="models_list", parameters=[BEFORE], responses=ModelList)
@api_view(["GET"])
def models(request: Request) -> Response:
    """Registered models, the newest first."""
    membership = _member(request, Role.REVIEWER)
    refuse_unknown_parameters(request, {"before"})
    page = newest_first(models_of(membership), before=request.GET.get("before", ""))
    return Response(page.body(lambda row: dict(ModelSummary(row).data)))


@extend_schema(operation_id="models_read", responses=ModelDetail)
@api_view(["GET"])
def model(request: Request, uid: uuid.UUID) -> Response:
    """A model with its manifest: files with their hashes, settings, parents."""
    membership = _member(request, Role.REVIEWER)
    refuse_unknown_parameters(request, set())
    return Response(ModelDetail(model_for(membership=membership, uid=uid)).data)
