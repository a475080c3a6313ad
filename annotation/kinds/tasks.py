"""A task as it comes in, whatever its kind: one JSON object with a prompt, and perhaps a language and a
subject.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA = 1
ROLES = ("system", "user", "assistant", "tool")
MAXIMUM_BODY_BYTES = 256 * 1024
MAXIMUM_MESSAGES = 500
LONGEST_ID = 200
LONGEST_SUBJECT = 500
LANGUAGE = re.compile(r"\A[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}\Z")
TASK_KEYS = {"id", "prompt", "lang", "candidates", "subject"}
MESSAGE_KEYS = {"role", "content", "parts"}


class TaskInvalid(ValueError):
    """The record cannot become a task; `field` says where, `reason` what to mend."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class CandidateInput:
    message: dict[str, Any]
    source: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskInput:
    """`subject` names the person whom the texts are about; what is stored is the key made of it."""

    external_id: str
    prompt: dict[str, Any]
    candidates: tuple[CandidateInput, ...] = ()
    subject: str = ""
    subject_key: str = ""


def opened(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TaskInvalid("record", "must be a JSON object")
    refuse_unknown("", value, TASK_KEYS)
    return value


def task_of(value: Mapping[str, Any], *, candidates: tuple[CandidateInput, ...]) -> TaskInput:
    return TaskInput(
        external_id=identifier(value.get("id", "")),
        prompt={
            "schema": SCHEMA,
            "lang": language("lang", value.get("lang", "")),
            "messages": _messages(value.get("prompt")),
        },
        candidates=candidates,
        subject=_subject(value.get("subject")),
    )


def bare_task(value: object) -> TaskInput:
    """A task of a kind that has no candidates."""
    found = opened(value)
    if found.get("candidates"):
        raise TaskInvalid("candidates", "are of ranking only: leave them out")
    return task_of(found, candidates=())


def _subject(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise TaskInvalid("subject", "must be a text that names the person, or be left out")
    if len(value) > LONGEST_SUBJECT:
        raise TaskInvalid("subject", f"is longer than {LONGEST_SUBJECT} characters")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
        raise TaskInvalid("subject", "holds characters that are not text")
    return value


def refuse_unknown(where: str, value: Mapping[str, Any], known: set[str]) -> None:
    unknown = [str(key) for key in value if key not in known]
    if unknown:
        # An own name of a file may be as hostile as its texts: it is quoted short and printable.
        name, offered = ascii(unknown[0][:60]), ", ".join(sorted(known))
        raise TaskInvalid(where or "record", f"has an unknown field {name}; known: {offered}")


def identifier(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise TaskInvalid("id", "must be a text or a whole number")
    if len(value) > LONGEST_ID:
        raise TaskInvalid("id", f"is longer than {LONGEST_ID} characters")
    return storable("id", value)


def language(where: str, value: object) -> str:
    if value == "" or value is None:
        return ""
    if isinstance(value, str) and LANGUAGE.match(value):
        return value
    raise TaskInvalid(where, "must be a language tag such as en or pt-BR")


def _messages(value: object) -> list[dict[str, Any]]:
    if isinstance(value, str):
        value = [{"role": "user", "content": value}]
    if not isinstance(value, list) or not value:
        raise TaskInvalid("prompt", "must be a text or a list of messages")
    if len(value) > MAXIMUM_MESSAGES:
        raise TaskInvalid("prompt", f"has more than {MAXIMUM_MESSAGES} messages")
    messages = [_message(f"prompt[{at}]", given) for at, given in enumerate(value)]
    if not any(_text_of(message).strip() for message in messages):
        raise TaskInvalid("prompt", "is empty")
    if sum(len(_text_of(message).encode()) for message in messages) > MAXIMUM_BODY_BYTES:
        raise TaskInvalid("prompt", f"is larger than {MAXIMUM_BODY_BYTES // 1024} KiB")
    return messages


def _message(where: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TaskInvalid(where, "must be an object with role and content")
    refuse_unknown(where, value, MESSAGE_KEYS)
    role = value.get("role")
    if role not in ROLES:
        raise TaskInvalid(f"{where}.role", f"must be one of {', '.join(ROLES)}")
    return {"role": role, "parts": parts_of(where, value)}


def parts_of(where: str, value: Mapping[str, Any]) -> list[dict[str, str]]:
    """`content` is short for one text part; exactly one of the two is given."""
    if ("content" in value) == ("parts" in value):
        raise TaskInvalid(where, "needs either content or parts")
    given = value.get("parts", [{"type": "text", "text": value.get("content")}])
    if isinstance(value.get("content"), list):
        given = value["content"]
    if not isinstance(given, list) or not given:
        raise TaskInvalid(f"{where}.parts", "must be a list of parts")
    parts = [_part(where, part) for part in given]
    if sum(len(part["text"].encode()) for part in parts) > MAXIMUM_BODY_BYTES:
        raise TaskInvalid(where, f"is larger than {MAXIMUM_BODY_BYTES // 1024} KiB")
    return parts


def _part(where: str, part: object) -> dict[str, str]:
    if not isinstance(part, Mapping) or set(part) != {"type", "text"} or part["type"] != "text":
        raise TaskInvalid(where, 'has a part that is not {"type": "text", "text": "..."}')
    if not isinstance(part["text"], str):
        raise TaskInvalid(where, "must hold a text")
    return {"type": "text", "text": storable(where, part["text"])}


def storable(where: str, text: str) -> str:
    if "\x00" in text:
        raise TaskInvalid(where, "contains the character NUL, which cannot be stored")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TaskInvalid(where, f"contains a lone surrogate at character {error.start}") from error
    return text


def _text_of(message: Mapping[str, Any]) -> str:
    return "".join(part["text"] for part in message["parts"])
