"""A job's log: bytes in segment files, read by an offset that only grows.

When the log outgrows its limit the oldest segments go, since the end is what tells why a job failed.
"""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

SEGMENT_BYTES = 1024 * 1024
SEGMENTS_KEPT = 16
PART_BYTES = 256 * 1024


@dataclass(frozen=True)
class LogPart:
    """`start` is later than what was asked for where the older text is gone."""

    text: str
    start: int
    next_offset: int


class JobLog:
    """Safe for several threads of one process. A full disk costs lines, never the job."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()

    def append(self, content: bytes) -> None:
        with self._lock:
            try:
                self._append(content)
            except OSError:
                # The job goes on: its own writes will tell the person that the disk is full.
                return

    def line(self, text: str) -> None:
        self.append(text.encode("utf-8", "replace").rstrip(b"\n") + b"\n")

    def _append(self, content: bytes) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        segments = self._segments()
        path = segments[-1][1] if segments else self._path(0)
        if segments and path.stat().st_size >= SEGMENT_BYTES:
            path = self._path(segments[-1][0] + path.stat().st_size)
            for _, old in segments[: -(SEGMENTS_KEPT - 1)]:
                old.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)

    def _path(self, start: int) -> Path:
        return self._directory / f"{start:016d}.log"

    def _segments(self) -> list[tuple[int, Path]]:
        return sorted((int(path.stem), path) for path in self._directory.glob("[0-9]*.log"))

    def size(self) -> int:
        segments = self._segments()
        return segments[-1][0] + segments[-1][1].stat().st_size if segments else 0

    def read(self, *, after: int = 0, limit: int = PART_BYTES) -> LogPart:
        """The text from this offset on, at most `limit` bytes and no half character at its end."""
        segments = self._segments()
        start = max(after, segments[0][0]) if segments else after
        content = b""
        for begin, path in segments:
            position = start + len(content) - begin
            if position < 0 or position >= path.stat().st_size or len(content) >= limit:
                continue
            with path.open("rb") as handle:
                handle.seek(position)
                content += handle.read(limit - len(content))
        content = content[: len(content) - _half_character(content)]
        return LogPart(content.decode("utf-8", "replace"), start, start + len(content))

    def tail(self, limit: int = 16 * 1024) -> LogPart:
        """The end of the log, from the start of a line on."""
        size = self.size()
        part = self.read(after=max(0, size - limit), limit=limit)
        if part.start == 0 or "\n" not in part.text:
            return part
        return LogPart(part.text.partition("\n")[2], part.start, part.next_offset)

    def last_line(self) -> str:
        lines = self.tail(4096).text.strip().splitlines()
        return lines[-1].strip() if lines else ""


def _half_character(content: bytes) -> int:
    """How many bytes at the end begin a UTF-8 character without completing it."""
    for length in range(1, min(4, len(content) + 1)):
        byte = content[-length]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return length if length < needed else 0
        if byte < 0x80:
            return 0
    return 0
