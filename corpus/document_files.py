"""Files of documents: JSON lines, CSV and plain text, each also in gzip."""

import io
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation import gettext as _

from core.json_lines import UTF8_BOM, LineUnreadable, parse_line
from corpus.document_csv import check_header, csv_rows
from corpus.document_rows import LONGEST_LINE, DocumentRow, Reject, RowInvalid, checked_row
from corpus.packed_files import numbered, opened, told_damage
from corpus.row_files import FileUnreadable

FORMATS = {"jsonl": "jsonl", "ndjson": "jsonl", "csv": "csv", "txt": "txt"}
WIDE_STARTS = (b"\xff\xfe", b"\xfe\xff")
# A smaller file is unpacked to its end before it is kept, so that damage is told at once.
CHECKED_AT_ONCE = 32 * 1024 * 1024


def format_of(file_name: str) -> str:
    """jsonl, csv or txt by the file's name; raises FileUnreadable for any other kind."""
    stem, _dot, ending = file_name.lower().removesuffix(".gz").rpartition(".")
    if stem and ending in FORMATS:
        return FORMATS[ending]
    message = _("The file's name must end in .jsonl, .csv or .txt, or in one of these and .gz.")
    raise FileUnreadable(message, fields={"file": message})


def check_file(path: Path, *, kind: str, most_bytes: int) -> None:
    """Refuse what is plainly no such file before it is kept. Raises FileUnreadable, or UnpacksTooLarge."""
    with path.open("rb") as handle, told_damage():
        source = opened(handle, most_bytes=most_bytes)
        start = source.read(64 * 1024)
        _check_start(start)
        seen = len(start)
        while seen < CHECKED_AT_ONCE and (part := source.read(1024 * 1024)):
            seen += len(part)
    if kind == "csv":
        with path.open("rb") as handle, told_damage():
            check_header(opened(handle, most_bytes=most_bytes))


def _check_start(start: bytes) -> None:
    reason = None
    if not start.strip():
        reason = _("The file is empty.")
    elif start.startswith(WIDE_STARTS):
        reason = _("The file is UTF-16: save it as UTF-8.")
    elif b"\x00" in start:
        reason = _("The file is no text: upload JSON lines, CSV or plain text in UTF-8.")
    if reason:
        raise FileUnreadable(reason, fields={"file": reason})


def rows(source: io.BufferedReader, *, kind: str) -> Iterator[DocumentRow | Reject]:
    """Every document of the file, or why a line did not become one. Raises FileUnreadable."""
    readers = {"jsonl": json_rows, "csv": csv_rows, "txt": _text_rows}
    with told_damage():
        yield from readers[kind](source)


def json_rows(source: io.BufferedIOBase) -> Iterator[DocumentRow | Reject]:
    for number, line in numbered(source):
        if line.strip(b" \t\r\n"):
            yield _json_row(number, line.removeprefix(UTF8_BOM) if number == 1 else line)


def _json_row(number: int, line: bytes) -> DocumentRow | Reject:
    try:
        if len(line) > LONGEST_LINE:
            raise RowInvalid(f"is longer than {LONGEST_LINE:,} bytes")
        value = parse_line(line)
        if not isinstance(value, dict):
            raise RowInvalid("is not a JSON object")
        return checked_row(number, value)
    except (LineUnreadable, RowInvalid) as error:
        return Reject(number, str(error))


def _text_rows(source: io.BufferedIOBase) -> Iterator[DocumentRow | Reject]:
    """A document is a block of lines; blank lines stand between blocks."""
    block: list[bytes] = []
    size = start = 0
    for number, line in numbered(source):
        if line.strip():
            start = start if block else number
            size += len(line)
            # Of a block that is too long, enough is kept to tell so.
            if size <= 2 * LONGEST_LINE:
                block.append(line)
        elif block:
            yield _text_row(start, b"".join(block))
            block, size = [], 0
    if block:
        yield _text_row(start, b"".join(block))


def _text_row(number: int, block: bytes) -> DocumentRow | Reject:
    try:
        text = block.decode("utf-8-sig" if number == 1 else "utf-8")
        return checked_row(number, {"text": text.replace("\r\n", "\n").strip()})
    except UnicodeDecodeError as error:
        return Reject(number, f"is not UTF-8 at byte {error.start} of the block that begins here")
    except RowInvalid as error:
        return Reject(number, str(error))
