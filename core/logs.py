"""One line a record: control characters in hostile text cannot start a second line."""

import logging
from datetime import UTC, datetime

LONGEST_MESSAGE = 4000


class LineFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds")
        message = _one_line(record.getMessage())[:LONGEST_MESSAGE]
        request_id = getattr(record, "request_id", "-")
        line = f"{at} {record.levelname} {record.name} [{request_id}] {message}"
        if record.exc_info:
            line += self._indented(self.formatException(record.exc_info))
        return line

    def _indented(self, traceback: str) -> str:
        # An exception's message may quote hostile text: no line of it may look like a record of its own.
        return "".join(f"\n    {_one_line(line)[:LONGEST_MESSAGE]}" for line in traceback.splitlines())


def _one_line(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
