"""Who may do what in the kinds of task: rows of the access table."""

from typing import Any

from tests.annotera.access_table import Row, uid_of
from tests.annotera.objects import Objects


def some_prompts(objects: Objects) -> dict[str, Any]:
    return {"prompts": str(objects.version.uid), "model": str(objects.model.uid)}


def a_candidates_form(objects: Objects) -> dict[str, Any]:
    settings = {"per_prompt": "2", "max_new_tokens": "16", "temperature": "1.0", "seed": "17"}
    return {**some_prompts(objects), **settings, "split": "train", "limit": "20"}


ROWS: list[Row] = [
    Row("project-candidates", "GET", (302, 403, 403, 200, 404), uid_of("project")),
    Row("project-candidates", "POST", (302, 403, 403, 302, 404), uid_of("project"), a_candidates_form),
    Row("api-project-candidates", "POST", (401, 403, 403, 201, 404), uid_of("project"), some_prompts),
]
