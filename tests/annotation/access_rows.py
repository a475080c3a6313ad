"""Who may do what in the kinds of task: rows of the access table."""

from typing import Any

from tests.annotera.access_table import Row, uid_of
from tests.annotera.objects import Objects


def some_prompts(objects: Objects) -> dict[str, Any]:
    return {"prompts": str(objects.version.uid), "model": str(objects.model.uid)}


def a_candidates_form(objects: Objects) -> dict[str, Any]:
    settings = {"per_prompt": "2", "max_new_tokens": "16", "temperature": "1.0", "seed": "17"}
    return {**some_prompts(objects), **settings, "split": "train", "limit": "20"}


def two_answers(objects: Objects) -> dict[str, Any]:
    one, other = objects.assignment.shown_order[:2]
    return {"uid": objects.assignment.uid, "one": one, "other": other}


ROWS: list[Row] = [
    Row("assignment-compare", "GET", (302, 200, 404, 404, 404), two_answers),
    Row("project-candidates", "GET", (302, 403, 403, 200, 404), uid_of("project")),
    Row("project-candidates", "POST", (302, 403, 403, 302, 404), uid_of("project"), a_candidates_form),
    Row("api-project-candidates", "POST", (401, 403, 403, 201, 404), uid_of("project"), some_prompts),
]
