"""Who may do what in production: rows of the access table."""

from typing import Any

from tests.annotera.access_table import Row, sends, uid_of
from tests.annotera.objects import Objects


def a_deployment(objects: Objects) -> dict[str, Any]:
    return {"name": "another", "model": str(objects.model.uid)}


def a_question(objects: Objects) -> dict[str, Any]:
    """Nobody answers: who may ask gets as far as that."""
    return {"deployment": objects.deployment.name, "prompt": "Why?"}


def an_opinion(objects: Objects) -> dict[str, Any]:
    return {"output": str(objects.output.uid), "kind": "thumb", "value": {"up": True}}


def to_project(objects: Objects) -> dict[str, Any]:
    return {"project": str(objects.project.uid), "floor": "5", "limit": "10"}


CORRECTED = sends(kind="correction", text="A boat floats.")
ASKED = sends(prompt="Why?", max_new_tokens="4", temperature="1")

ROWS: list[Row] = [
    Row("deployments", "GET", (302, 403, 200, 200, 404)),
    Row("deployments", "POST", (302, 403, 403, 302, 404), data=a_deployment),
    Row("deployment", "GET", (302, 403, 200, 200, 404), uid_of("deployment")),
    Row("deployment-generate", "POST", (302, 403, 503, 503, 404), uid_of("deployment"), ASKED),
    Row("deployment-retire", "POST", (302, 403, 403, 302, 404), uid_of("deployment")),
    Row("deployment-harvest", "POST", (302, 403, 403, 302, 404), uid_of("deployment"), to_project),
    Row("output", "GET", (302, 403, 200, 200, 404), uid_of("output")),
    Row("output-feedback", "POST", (302, 403, 302, 302, 404), uid_of("output"), CORRECTED),
    Row("output-harvest", "POST", (302, 403, 403, 302, 404), uid_of("output"), to_project),
    Row("api-deployments", "GET", (401, 403, 200, 200, 200)),
    Row("api-deployments", "POST", (401, 403, 403, 201, 422), data=a_deployment),
    Row("api-deployment", "GET", (401, 403, 200, 200, 404), uid_of("deployment")),
    Row("api-deployment", "DELETE", (401, 403, 403, 200, 404), uid_of("deployment")),
    Row("api-generate", "POST", (401, 403, 503, 503, 404), data=a_question),
    Row("generate-with-slash", "POST", (401, 403, 503, 503, 404), data=a_question),
    Row("feedback-with-slash", "POST", (401, 403, 201, 201, 404), data=an_opinion),
    Row("api-outputs", "GET", (401, 403, 200, 200, 200)),
    Row("api-output", "GET", (401, 403, 200, 200, 404), uid_of("output")),
    Row("api-feedback", "POST", (401, 403, 201, 201, 404), data=an_opinion),
    Row("api-project-harvest", "POST", (401, 403, 403, 202, 404), uid_of("project")),
]
