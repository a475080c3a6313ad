"""Documents from CSV files: a header with `text`, then a record a document."""

import csv
import io
from collections.abc import Iterator

from django.utils.translation import gettext as _

from corpus.document_rows import LENGTHS, LONGEST_LINE, DocumentRow, Reject, RowInvalid, checked_row
from corpus.packed_files import check_line_count
from corpus.row_files import FileUnreadable

# The reader's own limit of 128 KiB is shorter than a document may be; it holds for the whole process.
csv.field_size_limit(LONGEST_LINE)

Record = tuple[int, list[str]]


class RecordUnreadable(ValueError):
    """Nothing behind this line can be trusted: a quote that is never closed swallows the rest."""

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        super().__init__(f"cannot be read from here on, so the rest was left out: {reason}")


def csv_rows(source: io.BufferedReader) -> Iterator[DocumentRow | Reject]:
    """Each record as a document or as a reject; raises FileUnreadable for a header without `text`."""
    records = _records(source)
    names = _header(records)
    try:
        for line, record in records:
            if record:
                yield _row(line, names, record)
    except RecordUnreadable as error:
        yield Reject(error.line, str(error))


def check_header(source: io.BufferedReader) -> None:
    _header(_records(source))


def _records(source: io.BufferedReader) -> Iterator[Record]:
    """Records with the line on which each begins. What is not UTF-8 stays recognisable as half characters."""
    text = io.TextIOWrapper(source, encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(_lines(text), strict=True)
    line = 1
    while True:
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise RecordUnreadable(line, str(error)) from error
        if record is None:
            return
        yield line, record
        line = reader.line_num + 1


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    while line := text.readline(LONGEST_LINE + 1):
        number += 1
        check_line_count(number)
        yield line


def _header(records: Iterator[Record]) -> list[str]:
    reason = _(
        "A CSV file begins with the names of its columns: text, and where you have them id, lang and subject."
    )
    try:
        names = [name.strip().lower() for name in next(records, (1, []))[1]]
    except RecordUnreadable as error:
        raise FileUnreadable(reason, fields={"file": reason}) from error
    if "text" not in names or len(set(names)) != len(names) or set(names) - {"text", *LENGTHS}:
        raise FileUnreadable(reason, fields={"file": reason})
    return names


def _row(line: int, names: list[str], record: list[str]) -> DocumentRow | Reject:
    if len(record) != len(names):
        return Reject(line, f"has {len(record)} fields instead of {len(names)}")
    if any("\udc80" <= character <= "\udcff" for field in record for character in field):
        return Reject(line, "is not UTF-8")
    try:
        return checked_row(line, dict(zip(names, record, strict=True)))
    except RowInvalid as error:
        return Reject(line, str(error))
