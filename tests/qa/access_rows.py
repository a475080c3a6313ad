"""Who may do what in quality assurance: rows of the access table."""

from typing import Any

from tests.annotera.access_table import Row, sends, uid_of
from tests.annotera.objects import Objects


def reviewed_project(objects: Objects) -> dict[str, Any]:
    return {"uid": objects.acceptance.project.uid}


def paused_person(objects: Objects) -> dict[str, Any]:
    return {"uid": objects.paused.project.uid, "person": objects.paused.membership.uid}


def paused_membership(objects: Objects) -> dict[str, Any]:
    return {"uid": objects.paused.membership.uid}


def resuming(objects: Objects) -> dict[str, Any]:
    return {"project": str(objects.paused.project.uid), "note": "Looked."}


def gold_task(objects: Objects) -> dict[str, Any]:
    return {"uid": objects.gold.task.project.uid, "task": objects.gold.task.uid}


def a_gold_form(objects: Objects) -> dict[str, Any]:
    task = objects.unseen_task
    first, second = task.candidates.order_by("position").values_list("uid", flat=True)
    return {"task": str(task.uid), f"rank-{first}": "1", f"rank-{second}": "2"}


def a_gold_line(objects: Objects) -> dict[str, Any]:
    return {"prompt": "Why?", "candidates": ["a", "b"], "gold": {"ranking": [[0], [1]]}}


accepting = sends(decision="accept")

ROWS: list[Row] = [
    Row("quality", "GET", (302, 403, 200, 200, 404)),
    Row("project-quality", "GET", (302, 403, 200, 200, 404), reviewed_project),
    Row("project-measure", "POST", (302, 403, 302, 302, 404), reviewed_project),
    Row("project-gold", "GET", (302, 403, 200, 200, 404), uid_of("project")),
    Row("project-gold", "POST", (302, 403, 302, 302, 404), uid_of("project"), a_gold_form),
    Row("gold-retire", "POST", (302, 403, 302, 302, 404), gold_task),
    Row("reviews", "GET", (302, 403, 200, 200, 404), reviewed_project),
    Row("reviews-accept-rest", "POST", (302, 403, 302, 302, 404), reviewed_project),
    Row("person-resume", "POST", (302, 403, 302, 302, 404), paused_person),
    Row("person-reject", "POST", (302, 403, 302, 302, 404), paused_person),
    Row("project-freeze", "GET", (302, 403, 403, 200, 404), reviewed_project),
    Row("review", "GET", (302, 403, 200, 200, 404), uid_of("acceptance")),
    Row("review-decide", "POST", (302, 403, 302, 302, 404), uid_of("acceptance"), accepting),
    Row("api-project-quality", "GET", (401, 403, 200, 200, 404), reviewed_project),
    Row("api-project-quality", "POST", (401, 403, 201, 201, 404), reviewed_project),
    Row("api-project-gold", "GET", (401, 403, 200, 200, 404), uid_of("project")),
    Row("api-project-gold", "POST", (401, 403, 201, 201, 404), uid_of("project"), a_gold_line),
    Row("api-project-reviews", "GET", (401, 403, 200, 200, 404), reviewed_project),
    Row("api-review", "GET", (401, 403, 200, 200, 404), uid_of("acceptance")),
    Row(
        "api-review-decide", "POST", (401, 403, 200, 200, 404), uid_of("acceptance"), sends(decision="accept")
    ),
    Row("api-person-resume", "POST", (401, 403, 204, 204, 404), paused_membership, resuming),
    Row("api-project-release", "POST", (401, 403, 403, 201, 404), reviewed_project, sends(policy="accepted")),
]
