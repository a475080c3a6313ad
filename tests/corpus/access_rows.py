"""Who may do what in collecting and cleaning: rows of the access table."""

from typing import Any

from tests.annotera.access_table import Row, sends, uid_of
from tests.annotera.objects import Objects

DESCRIPTION = {
    "name": "New source",
    "licence": "MIT",
    "origin": "Our own archive",
    "lawful_basis": "contract",
    "collector": "Alice",
    "personal_data": "mask",
}
SOURCE = uid_of("described_source")
CLEANING = uid_of("cleaning")
APPLIED = uid_of("applied_cleaning")


def of_the_source(objects: Objects) -> dict[str, Any]:
    return {
        "sources": [str(objects.document.source.uid)], "name": "Corpus", "kind": "corpus",
        "heldout_percent": 10,
    }  # fmt: skip


def from_the_api(objects: Objects) -> dict[str, Any]:
    return {"sources": [str(objects.document.source.uid)], "name": "Corpus"}


def a_document(objects: Objects) -> dict[str, Any]:
    """The source needs one before it can be cleaned."""
    return {"uid": objects.document.source.uid}


ROWS: list[Row] = [
    Row("sources", "GET", (302, 403, 200, 200, 404)),
    Row("source-new", "GET", (302, 403, 403, 200, 404)),
    Row("source-new", "POST", (302, 403, 403, 302, 404), data=sends(**DESCRIPTION)),
    Row("corpus-freeze", "POST", (302, 403, 403, 302, 404), data=of_the_source),
    Row("source", "GET", (302, 403, 200, 200, 404), SOURCE),
    Row("source-upload", "POST", (302, 403, 403, 422, 404), SOURCE),
    Row(
        "source-clean", "POST", (302, 403, 403, 302, 404), a_document,
        sends(steps=["normalise"], near_threshold="0.8"),
    ),
    Row("document", "GET", (302, 403, 200, 200, 404), uid_of("document")),
    Row("cleaning", "GET", (302, 403, 200, 200, 404), CLEANING),
    Row("cleaning-apply", "POST", (302, 403, 403, 302, 404), CLEANING),
    Row("cleaning-restore", "POST", (302, 403, 403, 302, 404), APPLIED),
    Row("api-sources", "GET", (401, 403, 200, 200, 200)),
    Row("api-sources", "POST", (401, 403, 403, 201, 201), data=sends(**DESCRIPTION)),
    Row("api-corpus-freeze", "POST", (401, 403, 403, 201, 422), data=from_the_api),
    Row("api-source", "GET", (401, 403, 200, 200, 404), SOURCE),
    Row("api-source-documents", "GET", (401, 403, 200, 200, 404), SOURCE),
    Row("api-source-documents", "POST", (401, 403, 403, 201, 404), SOURCE, sends(text="A new text.")),
    Row("api-source-cleanings", "GET", (401, 403, 200, 200, 404), SOURCE),
    Row("api-source-cleanings", "POST", (401, 403, 403, 201, 404), a_document),
    Row("api-cleaning", "GET", (401, 403, 200, 200, 404), CLEANING),
    Row("api-cleaning-apply", "POST", (401, 403, 403, 202, 404), CLEANING),
    Row("api-cleaning-restore", "POST", (401, 403, 403, 200, 404), APPLIED),
]  # fmt: skip
