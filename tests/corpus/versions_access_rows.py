"""Who may do what in versions, lineage and erasure: rows of the access table."""

from typing import Any

from tests.annotera.access_table import Row, sends, uid_of
from tests.annotera.objects import Objects
from tests.corpus.frozen import freeze, pairs


def another(objects: Objects) -> dict[str, Any]:
    """A second version of the same kind, to compare with."""
    return {"with": str(freeze(objects.cast.workspace, rows=pairs(9)).uid)}


def tagged(objects: Objects) -> dict[str, Any]:
    return {"uid": objects.tag.version.uid}


def version_node(objects: Objects) -> dict[str, Any]:
    return {"kind": "dataset_version", "uid": objects.version.uid}


who = sends(identifier="ada@example.org", reason="ticket 7", sure="on")

ROWS: list[Row] = [
    Row("version-diff", "GET", (302, 403, 200, 200, 404), uid_of("version"), another),
    Row("version-tag", "POST", (302, 403, 403, 302, 404), uid_of("version"), sends(name="training")),
    Row("version-untag", "POST", (302, 403, 403, 302, 404), tagged, sends(name="newest")),
    Row("api-dataset-version-diff", "GET", (401, 403, 200, 200, 404), uid_of("version"), another),
    Row("api-dataset-version-tag", "POST", (401, 403, 403, 200, 404), uid_of("version"), sends(name="t")),
    Row("api-dataset-version-untag", "POST", (401, 403, 403, 200, 404), tagged, sends(name="newest")),
    Row("erasures", "GET", (302, 403, 403, 200, 404)),
    Row("erasures", "POST", (302, 403, 403, 302, 404), data=who),
    Row("erasure", "GET", (302, 403, 403, 200, 404), uid_of("erasure")),
    Row("api-erasures", "GET", (401, 403, 403, 200, 200)),
    Row("api-erasures", "POST", (401, 403, 403, 202, 202), data=sends(identifier="ada@example.org")),
    Row("api-erasure", "GET", (401, 403, 403, 200, 404), uid_of("erasure")),
    Row("lineage", "GET", (302, 403, 200, 200, 404), version_node),
    Row("api-dataset-version-lineage", "GET", (401, 403, 200, 200, 404), uid_of("version")),
    Row("api-model-lineage", "GET", (401, 403, 200, 200, 404), uid_of("model")),
]
