"""Bounds on uploads: what announces too much is refused before a byte of it is kept."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

from core.text import is_one_line

# What a form adds around its file: boundaries and the other fields.
AROUND_A_FILE = 1024 * 1024


class BoundedUpload(FileUploadHandler):
    """Comes before the handlers that store; passes every part on to them.

    Without it whoever asks could fill the disk: a form is read for its CSRF token before any view runs.
    """

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803 - the name that Django calls it by.
        content_length: int,
        boundary: Any,
        encoding: Any = None,
    ) -> None:
        if content_length > self._limit():
            raise RequestDataTooBig

    def _limit(self) -> int:
        user = getattr(self.request, "user", None)
        if user is not None and user.is_authenticated:
            return int(settings.UPLOAD_BYTES) + AROUND_A_FILE
        return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


def storable_name(name: str) -> str:
    """The file's own name is hostile text too: one printable line of at most 200 characters."""
    return "".join(character for character in name if is_one_line(character))[:200]


def unpacked_limit() -> int:
    """A compressed upload may unpack to four times the size that an upload may have."""
    return int(settings.UPLOAD_BYTES) * 4
