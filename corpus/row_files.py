"""Reads `.jsonl` and `.jsonl.gz` files line by line at bounded memory, whatever the file holds."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from django.utils.translation import gettext as _

from core.blobs import sha256_of
from core.errors import Invalid

GZIP_START = b"\x1f\x8b"


class FileUnreadable(Invalid):
    """The file cannot be opened, or ends in the middle."""


def numbered_lines(path: Path, *, longest: int) -> Iterator[tuple[int, bytes]]:
    """Each line that is not blank, numbered from 1; of an over-long one only its first `longest` + 1 bytes.

    Raises FileUnreadable, after the lines that could be read, when a compressed file is truncated or damaged.
    """
    number = 0
    try:
        with _opened(path) as handle:
            while line := handle.readline(longest + 1):
                number += 1
                if len(line) > longest and not line.endswith(b"\n"):
                    _skip_line(handle)
                if line.strip():
                    yield number, line
    except (EOFError, zlib.error, OSError) as error:
        raise FileUnreadable(
            _("The file cannot be read beyond line %(line)d: %(reason)s") % {"line": number, "reason": error}
        ) from error


def _opened(path: Path) -> BinaryIO:
    with path.open("rb") as handle:
        compressed = handle.read(2) == GZIP_START
    return cast(BinaryIO, gzip.open(path, "rb")) if compressed else path.open("rb")


def _skip_line(handle: BinaryIO) -> None:
    while part := handle.readline(1024 * 1024):
        if part.endswith(b"\n"):
            return


def file_sha256(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise FileUnreadable(_("The file cannot be opened: %(reason)s") % {"reason": error}) from error
