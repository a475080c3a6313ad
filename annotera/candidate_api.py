"""Making tasks of frozen prompts over HTTP."""

import uuid
from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import require_role
from accounts.authentication import caller
from accounts.idempotency import HEADER, KEY, remembered
from accounts.models import Membership, Role
from annotation.access import project_for
from annotation.models import Project
from annotera.candidates import MOST_PROMPTS, CandidatesRefused, request_candidates
from core.errors import NotFound
from corpus.access import version_for
from corpus.splits import SPLITS
from training.access import model_for

# The stubs make the class generic, which it is not at run time.
if TYPE_CHECKING:
    Shape = serializers.Serializer[Any]
else:
    Shape = serializers.Serializer


class CandidatesRequestSerializer(Shape):
    prompts = serializers.UUIDField(help_text="A dataset version of prompts, preferences or demonstrations.")
    model = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="A language model; for a ranking only."
    )
    split = serializers.ChoiceField(choices=list(SPLITS), default="train")
    limit = serializers.IntegerField(min_value=1, max_value=MOST_PROMPTS, default=200)
    per_prompt = serializers.IntegerField(min_value=2, max_value=4, default=2)
    temperature = serializers.FloatField(min_value=0.05, max_value=5.0, default=1.0)
    max_new_tokens = serializers.IntegerField(min_value=1, max_value=4096, default=64)
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=17)


class CandidatesSerializer(Shape):
    job = serializers.UUIDField(help_text="Its result names the import and the number of tasks.")
    state = serializers.CharField(help_text="As the job has it: queued at first.")


@extend_schema(
    operation_id="projects_candidates",
    summary="Make tasks of frozen prompts, with answers of a model where people rank",
    parameters=[KEY],
    request=CandidatesRequestSerializer,
    responses={201: CandidatesSerializer},
)
@api_view(["POST"])
def candidates(request: Request, uid: uuid.UUID) -> Response:
    membership = caller(request)
    project = project_for(membership=membership, uid=uid)
    require_role(membership, Role.ADMIN)
    body = request.body
    given = CandidatesRequestSerializer(data=request.data)
    given.is_valid(raise_exception=True)
    status, answer = remembered(
        membership=membership,
        key=request.headers.get(HEADER),
        route=f"candidates {project.uid}",
        body=body,
        act=lambda: (201, _requested(membership, project, dict(given.validated_data))),
    )
    return Response(answer, status=status)


def _requested(membership: Membership, project: Project, given: dict[str, Any]) -> dict[str, Any]:
    """Raises CandidatesRefused that names the field of an object that does not exist."""
    try:
        field = "prompts"
        given[field] = version_for(membership=membership, uid=given[field])
        field = "model"
        given[field] = model_for(membership=membership, uid=given[field]) if given[field] else None
    except NotFound as error:
        raise CandidatesRefused({field: error.message}) from error
    job = request_candidates(project=project, by=membership, **given)
    return {"job": job.uid, "state": job.state}
