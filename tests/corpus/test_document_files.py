"""Files of documents: what they may look like, and how bad ones and bad lines in them are told."""

import gzip
from pathlib import Path

import pytest

from core.errors import Invalid
from corpus.intake import read_now, receive_documents
from corpus.models import Document, DocumentUpload, Source
from jobs.models import Job
from tests.conftest import Cast
from tests.corpus.collected import FILES, make_source, upload


@pytest.fixture
def source(cast: Cast) -> Source:
    return make_source(cast)


def texts() -> list[str]:
    return list(Document.objects.order_by("pk").values_list("text", flat=True))


def read(source: Source, cast: Cast, content: bytes, folder: Path, name: str = "r.jsonl") -> DocumentUpload:
    return read_now(upload=upload(source, cast, content, folder=folder, name=name))


def test_a_byte_order_mark_is_no_part_of_the_text(cast: Cast, source: Source, tmp_path: Path) -> None:
    for name, content in FILES.items():
        Document.objects.all().delete()
        read(source, cast, b"\xef\xbb\xbf" + content.lstrip(b"\n"), tmp_path, name)
        assert texts() == ["One.", "Two.\nMore."], name


BAD_ROWS: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"{text}", "not JSON"),
    "a list": (b'["text"]', "not a JSON object"),
    "no text": (b'{"id": "x"}', "no text"),
    "a number": (b'{"text": 5}', "not a string"),
    "empty": (b'{"text": " \\n"}', "empty"),
    "NUL": (b'{"text": "a\\u0000b"}', "NUL"),
    "half a character": (b'{"text": "a\\ud800b"}', "surrogate"),
    "half a character as a name": (b'{"text": "a", "\\ud800": 1}', "unknown field"),
    "another field": (b'{"text": "a", "txet": "b"}', "txet"),
    "latin-1": (b'{"text": "caf\xe9"}', "UTF-8"),
    "NaN": (b'{"text": "a", "id": NaN}', "NaN"),
    "a huge number": (b'{"text": "a", "id": 1e999}', "too large"),
    "a very long number": (b'{"text": "a", "id": ' + b"9" * 10_000 + b"}", "digits"),
    "a key twice": (b'{"text": "a", "text": "b"}', "twice"),
    "deep": (b"[" * 100_000, "deeply"),
    "a long id": (b'{"text": "a", "id": "' + b"x" * 201 + b'"}', "id"),
    "a line in an id": (b'{"text": "a", "id": "x\\ny"}', "id"),
    "a list as language": (b'{"text": "a", "lang": ["en"]}', "lang"),
    "a long text": (b'{"text": "' + b"x" * (1024 * 1024 + 1) + b'"}', "bytes long"),
    "an endless line": (b'{"text": "' + b"x" * (7 * 1024 * 1024) + b'"}', "longer than"),
}


def test_what_cannot_become_a_document_is_listed_by_line(cast: Cast, source: Source, tmp_path: Path) -> None:
    lines = [b'{"text": "Good."}', *(line for line, _reason in BAD_ROWS.values()), b'{"text": "Last."}']
    done = read(source, cast, b"\n".join(lines), tmp_path)
    assert texts() == ["Good.", "Last."]
    assert [reject["line"] for reject in done.rejects] == list(range(2, len(BAD_ROWS) + 2))
    for reject, (kind, (_line, reason)) in zip(done.rejects, BAD_ROWS.items(), strict=True):
        assert reason in reject["reason"], kind


NO_FILE: dict[str, tuple[str, bytes, str]] = {
    "empty": ("r.jsonl", b"", "empty"),
    "white space": ("r.txt", b" \n\n ", "empty"),
    "empty gzip": ("r.jsonl.gz", gzip.compress(b""), "empty"),
    "another kind": ("r.parquet", b"PAR1", "must end in"),
    "only an ending": (".jsonl", b'{"text": "a"}', "must end in"),
    "a picture": ("r.jsonl", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "no text"),
    "UTF-16": ("r.txt", "Hello".encode("utf-16"), "UTF-16"),
    "cut gzip": ("r.jsonl.gz", gzip.compress(FILES["rows.jsonl"] * 500)[:-20], "damaged"),
    "damaged gzip": ("r.jsonl.gz", gzip.compress(b"x")[:10] + b"\xff" * 40, "damaged"),
    "CSV without text": ("r.csv", b"a,b\n1,2\n", "columns"),
    "CSV with a column twice": ("r.csv", b"text,text\n1,2\n", "columns"),
    "CSV with an open quote": ("r.csv", b'"text\n1\n', "columns"),
}


@pytest.mark.parametrize(("name", "content", "reason"), NO_FILE.values(), ids=NO_FILE.keys())
def test_what_is_no_such_file_is_refused_at_the_door(
    cast: Cast, source: Source, tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(Invalid) as refused:
        receive_documents(source=source, by=cast.alice, upload=tmp_path / "file", file_name=name)
    assert refused.value.status == 422
    assert reason in refused.value.fields["file"]
    assert not DocumentUpload.objects.exists() and not Job.objects.exists()
    assert not (tmp_path / "blobs").exists()


LONG = "x" * 70_000


@pytest.mark.parametrize(
    ("content", "kept", "line", "reason"),
    [
        (b'text,id\nOne.,a\n"Two.,b\nThree.,c\n', ["One."], 3, "rest was left out"),
        (b"text,id\nOne.,a\nTwo.,b,c\nThree.,d\n", ["One.", "Three."], 3, "3 fields instead of 2"),
        (b"text\ncaf\xe9\nTwo.\n", ["Two."], 2, "UTF-8"),
        # The door looks at the start of a file only.
        (b"text\n" + LONG.encode() + b"\na\x00b\nTwo.\n", [LONG, "Two."], 3, "NUL"),
        (b'text\n"One\nline"\n\xff\n', ["One\nline"], 4, "UTF-8"),
    ],
)
def test_bad_records_of_a_csv_file_are_named_by_line(
    cast: Cast, source: Source, tmp_path: Path, content: bytes, kept: list[str], line: int, reason: str
) -> None:
    done = read(source, cast, content, tmp_path, "r.csv")
    assert texts() == kept
    assert [reject["line"] for reject in done.rejects] == [line]
    assert reason in done.rejects[0]["reason"]


def test_old_line_ends_are_line_ends(cast: Cast, source: Source, tmp_path: Path) -> None:
    read(source, cast, b"text\rOne.\rTwo.\r", tmp_path, "r.csv")
    assert texts() == ["One.", "Two."]
