"""A document as a file or a request brings it: checked field by field before anything is stored."""

from dataclasses import dataclass
from typing import Any

from core.text import is_one_line, refusal

LONGEST_TEXT = 1024 * 1024
# A text in which every character is escaped as \uXXXX, and the fields beside it.
LONGEST_LINE = 6 * LONGEST_TEXT + 64 * 1024
LENGTHS = {"id": 200, "lang": 35, "subject": 500}


@dataclass(frozen=True)
class DocumentRow:
    """`subject` names the person whom the document is about, where one is named; lines count from 1."""

    line: int
    text: str
    external_id: str = ""
    lang: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Reject:
    """Why a line did not become a document."""

    line: int
    reason: str

    def as_json(self) -> dict[str, Any]:
        return {"line": self.line, "reason": self.reason}


class RowInvalid(ValueError):
    """The row cannot become a document; the text says why."""


def checked_row(line: int, values: dict[str, Any]) -> DocumentRow:
    """A row whose fields can be stored; raises RowInvalid."""
    unknown = sorted(set(values) - {"text", *LENGTHS})
    if unknown:
        name = unknown[0][:40].encode("utf-8", "backslashreplace").decode().replace("\x00", "\\0")
        raise RowInvalid(f"has the unknown field “{name}”: known are text, id, lang and subject")
    text = values.get("text")
    if not isinstance(text, str):
        raise RowInvalid("has no text" if text is None else "has a text that is not a string")
    reason = refusal(text, maximum_bytes=LONGEST_TEXT)
    if reason:
        raise RowInvalid(f"text {reason}")
    if not text.strip():
        raise RowInvalid("has an empty text")
    short = {name: _short(name, values.get(name)) for name in LENGTHS}
    return DocumentRow(line, text, external_id=short["id"], lang=short["lang"], subject=short["subject"])


def _short(name: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        # Identifiers are often numbers; anything else that is no text is a mistake.
        value = str(value)
    if not isinstance(value, str):
        raise RowInvalid(f"{name} is not a text")
    if len(value) > LENGTHS[name] or refusal(value) or not is_one_line(value):
        raise RowInvalid(f"{name} is not one printable line of at most {LENGTHS[name]} characters")
    return value.strip()
