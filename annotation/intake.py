"""Reading task files line by line: hostile bytes in, checked tasks and problems by line out, memory flat."""

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import IO, Any

from django.utils.translation import gettext as _

from annotation.kinds import Kind, kind_of
from annotation.kinds.tasks import TaskInput, TaskInvalid
from core import json_lines
from core.errors import TooLarge
from core.json_lines import UTF8_BOM, LineUnreadable

MAXIMUM_LINE_BYTES = 8 * 1024 * 1024
MAXIMUM_LINES = 5_000_000
GZIP_MAGIC = b"\x1f\x8b"
WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Problem:
    """Why a line cannot become a task; lines count from 1."""

    line: int
    reason: str

    def as_json(self) -> dict[str, Any]:
        return {"line": self.line, "reason": self.reason}


@dataclass(frozen=True)
class Row:
    line: int
    task: TaskInput


def open_lines(
    handle: IO[bytes], *, maximum_bytes: int, maximum_lines: int = MAXIMUM_LINES
) -> Iterator[bytes]:
    """The lines of a plain or gzip-compressed file; TooLarge once they exceed a bound when unpacked.

    The bounds are on what comes out, so a small file that unpacks to a huge one, or to millions of empty
    lines, stops early.
    """
    magic = handle.read(2)
    handle.seek(0)
    source: IO[bytes] = gzip.GzipFile(fileobj=handle) if magic == GZIP_MAGIC else handle  # type: ignore[assignment]
    read = count = 0
    while line := source.readline(MAXIMUM_LINE_BYTES + 1):
        read += len(line)
        count += 1
        if read > maximum_bytes or count > maximum_lines:
            raise TooLarge(
                _("The file has more than %(lines)d lines or %(size)d MiB when unpacked: split it.")
                % {"lines": maximum_lines, "size": maximum_bytes // 1024 // 1024}
            )
        yield line
        if len(line) > MAXIMUM_LINE_BYTES:
            # The rest of an endless line is no second line.
            return


RANKING = kind_of("ranking")


def read_rows(lines: Iterable[bytes], *, kind: Kind = RANKING) -> Iterator[Row | Problem]:
    """Every line as a checked task of a kind or as a problem; blank lines are passed over."""
    seen: dict[int, int] = {}
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            if not line.strip(b" \t\r\n"):
                continue
            found = _read_row(number, line, kind)
            yield _first_of_its_id(found, seen) if isinstance(found, Row) else found
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        yield Problem(number + 1, f"the compressed file is damaged or cut off: {error}")


def read_records(records: Iterable[Mapping[str, Any]], *, kind: Kind) -> Iterator[Row | Problem]:
    """As `read_rows`, of records that another part of the house made.

    Such a record may carry a `subject_key` where the subject's name is not known any more.
    """
    seen: dict[int, int] = {}
    for number, record in enumerate(records, start=1):
        public = {name: value for name, value in record.items() if name != "subject_key"}
        found = _checked(number, public, kind)
        if isinstance(found, Row) and record.get("subject_key"):
            found = replace(found, task=replace(found.task, subject_key=str(record["subject_key"])))
        yield _first_of_its_id(found, seen) if isinstance(found, Row) else found


def _read_row(number: int, line: bytes, kind: Kind) -> Row | Problem:
    try:
        value = parse_line(line, is_first=number == 1)
    except LineUnreadable as error:
        return Problem(number, str(error))
    return _checked(number, value, kind)


def _checked(number: int, value: object, kind: Kind) -> Row | Problem:
    try:
        return Row(number, kind.parse_task(value))
    except TaskInvalid as error:
        return Problem(number, str(error))


def _first_of_its_id(row: Row, seen: dict[int, int]) -> Row | Problem:
    # Hashes instead of the ids themselves: 64 bits an id, whatever its length.
    identity = hash(row.task.external_id)
    if row.task.external_id and seen.setdefault(identity, row.line) != row.line:
        return Problem(row.line, f"id is the same as in line {seen[identity]}")
    return row


def parse_line(line: bytes, *, is_first: bool = False) -> object:
    """One line as JSON, strictly: UTF-8, no NaN, no repeated keys, bounded size and depth."""
    if len(line) > MAXIMUM_LINE_BYTES:
        raise LineUnreadable(f"is longer than {MAXIMUM_LINE_BYTES // 1024 // 1024} MiB")
    if is_first and line.startswith(WIDE_BOMS):
        raise LineUnreadable("is UTF-16: save the file as UTF-8")
    if is_first:
        line = line.removeprefix(UTF8_BOM)
    return json_lines.parse_line(line)
