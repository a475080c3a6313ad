"""Sources with documents for the tests of collecting and cleaning."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from corpus.intake import read_now, receive_documents
from corpus.models import DocumentUpload, Source
from corpus.sources import describe_source
from tests.conftest import Cast

DESCRIPTION: dict[str, Any] = {
    "licence": "CC-BY-4.0",
    "origin": "https://example.org/articles",
    "lawful_basis": "legitimate_interests",
    "collector": "Alice of Acme",
}


def make_source(cast: Cast, name: str = "Articles", **values: Any) -> Source:
    return describe_source(workspace=cast.workspace, by=cast.alice, name=name, **{**DESCRIPTION, **values})


def json_lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def upload(
    source: Source, cast: Cast, content: bytes, *, folder: Path, name: str = "rows.jsonl"
) -> DocumentUpload:
    """Received and not yet read."""
    path = folder / "file"
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return receive_documents(source=source, by=cast.alice, upload=path, file_name=name)


def add_documents(source: Source, cast: Cast, *texts: str, folder: Path) -> DocumentUpload:
    content = json_lines({"text": text} for text in texts)
    return read_now(upload=upload(source, cast, content, folder=folder))


# The same two documents in every format.
FILES = {
    "rows.jsonl": json_lines([{"text": "One.", "id": "a", "lang": "en"}, {"text": "Two.\nMore."}]),
    "rows.csv": b'id,text,lang\na,One.,en\n,"Two.\nMore.",\n',
    "rows.txt": b"\n\nOne.\n\n\nTwo.\nMore.\n",
}
