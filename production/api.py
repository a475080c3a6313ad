"""Deployed models over HTTP: deploy, ask, say what you think of the answer, send outputs back."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import require_role
from accounts.authentication import caller
from accounts.idempotency import HEADER, KEY, remembered
from accounts.models import Membership, Role
from annotation.access import project_for
from core.api import object_of, refuse_unknown_parameters
from core.documenting import BEFORE
from core.errors import NotFound, Unreadable
from core.pagination import newest_first
from production.access import (
    active_deployment_for,
    deployment_for,
    deployments_of,
    output_for,
    outputs_for,
    outputs_of,
)
from production.deployments import DeploymentRefused, deploy, retire
from production.feedback import FeedbackRefused, give
from production.generation import generate
from production.harvest_requests import request_harvest
from production.models import Feedback
from production.prompts import PromptRefused
from production.serializers import (
    DeploymentListShape,
    DeploymentShape,
    FeedbackShape,
    GeneratedAnswer,
    HarvestJob,
    HarvestRequest,
    ModelQuestion,
    NewDeployment,
    NewFeedback,
    OutputListShape,
    OutputShape,
    WholeOutput,
)
from training.access import model_for

OF_DEPLOYMENT = OpenApiParameter("deployment", uuid.UUID, description="Only outputs of this deployment.")
FEEDBACK_SHOWN = 100
QUESTION = {"max_new_tokens", "temperature", "seed", "subject"}


def _member(request: Request, role: Role) -> Membership:
    membership = caller(request)
    require_role(membership, role)
    return membership


def _body(request: Request, known: set[str]) -> dict[str, Any]:
    """The JSON object of a request. A misspelt name is an error, not a request without it."""
    body = object_of(request)
    unknown = sorted(set(body) - known)
    if unknown:
        message = _("Unknown field: %(name)s.") % {"name": unknown[0][:60]}
        raise PromptRefused(message, fields={unknown[0][:60]: _("unknown")})
    return dict(body)


def _uid(value: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


@extend_schema(
    methods=["GET"],
    operation_id="deployments_list",
    summary="Deployments, the newest first",
    parameters=[BEFORE],
    responses=DeploymentListShape,
)
@extend_schema(
    methods=["POST"],
    operation_id="deployments_create",
    summary="Let a language model answer under a name",
    request=NewDeployment,
    responses={201: DeploymentShape},
)
@api_view(["GET", "POST"])
def deployments(request: Request) -> Response:
    if request.method == "POST":
        return _deploy(request)
    membership = _member(request, Role.REVIEWER)
    refuse_unknown_parameters(request, {"before"})
    page = newest_first(deployments_of(membership), before=request.GET.get("before", ""))
    return Response(page.body(lambda row: dict(DeploymentShape(row).data)))


def _deploy(request: Request) -> Response:
    membership = _member(request, Role.ADMIN)
    given = NewDeployment(data=_body(request, {"model", "name"}))
    given.is_valid(raise_exception=True)
    try:
        model = model_for(membership=membership, uid=given.validated_data["model"])
    except NotFound as error:
        raise DeploymentRefused(error.message, fields={"model": error.message}) from error
    deployment = deploy(
        workspace=membership.workspace, by=membership, model=model, name=given.validated_data["name"]
    )
    return Response(DeploymentShape(deployment).data, status=201)


@extend_schema(
    methods=["GET"], operation_id="deployments_read", summary="One deployment", responses=DeploymentShape
)
@extend_schema(
    methods=["DELETE"],
    operation_id="deployments_retire",
    summary="Retire it; its outputs stay",
    responses={200: DeploymentShape},
)
@api_view(["GET", "DELETE"])
def deployment(request: Request, uid: uuid.UUID) -> Response:
    membership = _member(request, Role.REVIEWER)
    refuse_unknown_parameters(request, set())
    found = deployment_for(membership=membership, uid=uid)
    if request.method == "DELETE":
        require_role(membership, Role.ADMIN)
        found = retire(deployment=found, by=membership)
    return Response(DeploymentShape(found).data)


@extend_schema(
    operation_id="generate",
    summary="Ask a deployed model",
    description=(
        "Answers within ten seconds; 503 with `Retry-After` while the model is being loaded, busy or down. "
        "The answer is kept, and feedback can name it."
    ),
    request=ModelQuestion,
    responses={201: GeneratedAnswer},
)
@api_view(["POST"])
def generation(request: Request) -> Response:
    membership = _member(request, Role.REVIEWER)
    given = _body(request, QUESTION | {"deployment", "prompt", "messages"})
    name = given.get("deployment")
    if not isinstance(name, str):
        raise PromptRefused(_("Name the deployment."), fields={"deployment": _("a name is needed")})
    found = active_deployment_for(membership=membership, name=name)
    options = {key: given[key] for key in QUESTION & set(given) if given[key] is not None}
    subject = options.get("subject", "")
    if not isinstance(subject, str):
        raise PromptRefused(_("The subject must be a text."), fields={"subject": _("must be a text")})
    output = generate(deployment=found, by=membership, messages=_messages(given), **options)
    return Response(GeneratedAnswer(output).data, status=201)


def _messages(given: Mapping[str, Any]) -> Any:
    if ("prompt" in given) == ("messages" in given):
        message = _("Give either a prompt or messages.")
        raise PromptRefused(message, fields={"messages": message})
    return [{"role": "user", "content": given["prompt"]}] if "prompt" in given else given["messages"]


@extend_schema(
    operation_id="outputs_list",
    summary="What deployed models wrote, the newest first",
    parameters=[BEFORE, OF_DEPLOYMENT],
    responses=OutputListShape,
)
@api_view(["GET"])
def outputs(request: Request) -> Response:
    membership = _member(request, Role.REVIEWER)
    refuse_unknown_parameters(request, {"before", "deployment"})
    found = outputs_of(membership)
    if wanted := request.GET.get("deployment", ""):
        uid = _uid(wanted)
        if uid is None:
            raise Unreadable(_("This is not an id."), fields={"deployment": _("not an id")})
        found = found.filter(deployment=deployment_for(membership=membership, uid=uid))
    page = newest_first(found, before=request.GET.get("before", ""))
    return Response(page.body(lambda row: dict(OutputShape(row).data)))


@extend_schema(operation_id="outputs_read", summary="One output with its feedback", responses=WholeOutput)
@api_view(["GET"])
def output(request: Request, uid: uuid.UUID) -> Response:
    membership = _member(request, Role.REVIEWER)
    refuse_unknown_parameters(request, set())
    found: Any = output_for(membership=membership, uid=uid)
    said = Feedback.objects.filter(output=found).select_related("output")
    found.newest_feedback = said.order_by("-pk")[:FEEDBACK_SHOWN]
    found.sent = found.harvests.select_related("project", "task").order_by("pk")
    return Response(WholeOutput(found).data)


@extend_schema(
    operation_id="feedback",
    summary="Say what you think of an output",
    description="Sent twice with the same identifier it is kept once; other content under it is a 409.",
    request=NewFeedback,
    responses={201: FeedbackShape},
)
@api_view(["POST"])
def feedback(request: Request) -> Response:
    membership = _member(request, Role.REVIEWER)
    given = _body(request, {"output", "kind", "value", "comment", "identifier"})
    uid = _uid(given.get("output"))
    if uid is None:
        message = _("Name the output by its id.")
        raise FeedbackRefused(message, fields={"output": message})
    kind = given.get("kind")
    kept = give(
        output=output_for(membership=membership, uid=uid),
        by=membership,
        kind=kind if isinstance(kind, str) else "",
        value=given.get("value"),  # type: ignore[arg-type]
        comment=given.get("comment", ""),
        identifier=given.get("identifier", ""),
    )
    return Response(FeedbackShape(kept).data, status=201)


@extend_schema(
    operation_id="outputs_send_back",
    summary="Send outputs back to annotators as tasks of this project",
    parameters=[KEY],
    request=HarvestRequest,
    responses={202: HarvestJob},
)
@api_view(["POST"])
def harvest(request: Request, uid: uuid.UUID) -> Response:
    membership = caller(request)
    project = project_for(membership=membership, uid=uid)
    require_role(membership, Role.ADMIN)
    body = request.body
    given = HarvestRequest(data=_body(request, set(HarvestRequest().fields)))
    given.is_valid(raise_exception=True)

    def act() -> tuple[int, dict[str, Any]]:
        chosen = dict(given.validated_data)
        if "outputs" in chosen:
            chosen["outputs"] = outputs_for(membership=membership, uids=chosen["outputs"])
        if "deployment" in chosen:
            chosen["deployment"] = deployment_for(membership=membership, uid=chosen["deployment"])
        job = request_harvest(project=project, by=membership, **chosen)
        return 202, dict(HarvestJob(job).data)

    key = request.headers.get(HEADER)
    route = f"harvest {project.uid}"
    status, answer = remembered(membership=membership, key=key, route=route, body=body, act=act)
    return Response(answer, status=status)
