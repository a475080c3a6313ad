"""Uploaded text files, plain or in gzip, read line by line within bounds on what comes out of them."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

from django.utils.translation import gettext as _

from core.errors import TooLarge
from corpus.document_rows import LONGEST_LINE
from corpus.row_files import GZIP_START, FileUnreadable

MOST_LINES = 5_000_000


class UnpacksTooLarge(TooLarge):
    """A small file that unpacks to a huge one."""


class BoundedReader(io.RawIOBase):
    """A stream that ends with UnpacksTooLarge after so many bytes."""

    def __init__(self, source: IO[bytes], *, most: int) -> None:
        self._source, self._left, self._most = source, most, most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            message = _("The file holds more than %(size)d MiB when unpacked: split it.")
            raise UnpacksTooLarge(message % {"size": self._most // 1024 // 1024})
        buffer[: len(data)] = data
        return len(data)


def opened(handle: IO[bytes], *, most_bytes: int) -> io.BufferedReader:
    """The file's bytes, unpacked where it is compressed; reading beyond the bound raises UnpacksTooLarge."""
    is_packed = handle.read(2) == GZIP_START
    handle.seek(0)
    source = cast(IO[bytes], gzip.GzipFile(fileobj=handle)) if is_packed else handle
    return io.BufferedReader(BoundedReader(source, most=most_bytes), buffer_size=256 * 1024)


@contextmanager
def told_damage() -> Iterator[None]:
    """Turns what the unpacking raises on a damaged file into a sentence for a person."""
    try:
        yield
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        message = _("The compressed file is damaged or cut off: %(reason)s.") % {"reason": error}
        raise FileUnreadable(message, fields={"file": message}) from error


def numbered(source: io.BufferedIOBase) -> Iterator[tuple[int, bytes]]:
    """Numbered lines; of an over-long one its first `LONGEST_LINE` + 1 bytes."""
    number = 0
    while line := source.readline(LONGEST_LINE + 1):
        number += 1
        check_line_count(number)
        if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            _skip_line(source)
        yield number, line


def check_line_count(number: int) -> None:
    """Raise UnpacksTooLarge beyond five million lines: empty ones cost memory and time as well."""
    if number > MOST_LINES:
        raise UnpacksTooLarge(_("The file has more than %(most)d lines: split it.") % {"most": MOST_LINES})


def _skip_line(source: io.BufferedIOBase) -> None:
    while part := source.readline(1024 * 1024):
        if part.endswith(b"\n"):
            return
