"""Who may do what in the pipeline, its rules, the search and the styleguide: rows of the access table."""

from typing import Any

from tests.annotera.access_table import Row, sends, uid_of
from tests.annotera.objects import Objects


def a_rule(objects: Objects) -> dict[str, Any]:
    """Project and model are of Alice's workspace: for Charlie they do not exist."""
    project, base = objects.project, objects.model.made_by.base_model
    return {"project": str(project.uid), "base_model": str(base.uid), "threshold": 5}


ROWS: list[Row] = [
    Row("pipeline", "GET", (302, 403, 200, 200, 404)),
    Row("palette", "GET", (302, 200, 200, 200, 404)),
    Row("styleguide", "GET", (302, 403, 403, 200, 404)),
    Row("own-styleguide", "GET", (302, 403, 403, 302, 302)),
    Row("rules", "GET", (302, 403, 200, 200, 404)),
    Row("rules", "POST", (302, 403, 403, 302, 404), data=a_rule),
    Row("rule-switch", "POST", (302, 403, 403, 302, 404), uid_of("rule"), sends(to="off")),
    Row("api-reward-rules", "GET", (401, 403, 200, 200, 200)),
    Row("api-reward-rules", "POST", (401, 403, 403, 201, 422), data=a_rule),
    Row("api-reward-rule", "GET", (401, 403, 200, 200, 404), uid_of("rule")),
    Row("api-reward-rule", "PATCH", (401, 403, 403, 200, 404), uid_of("rule"), sends(is_active=False)),
]
