"""A ranking task as it comes in: one JSON object with a prompt and its candidates."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA = 1
ROLES = ("system", "user", "assistant", "tool")
MAXIMUM_BODY_BYTES = 256 * 1024
MAXIMUM_SOURCE_BYTES = 8 * 1024
MAXIMUM_MESSAGES = 500
LONGEST_ID = 200
LANGUAGE = re.compile(r"\A[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}\Z")
TASK_KEYS = {"id", "prompt", "lang", "candidates"}
MESSAGE_KEYS = {"role", "content", "parts"}
CANDIDATE_KEYS = {"id", "content", "parts", "lang", "source", "role"}


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
    external_id: str
    prompt: dict[str, Any]
    candidates: tuple[CandidateInput, ...]


def parse_task(value: object, *, minimum: int = 2, maximum: int = 4) -> TaskInput:
    """Check one record and bring it into the stored shape; raises TaskInvalid for the first fault."""
    if not isinstance(value, Mapping):
        raise TaskInvalid("record", "must be a JSON object")
    _refuse_unknown("", value, TASK_KEYS)
    candidates = value.get("candidates")
    if not isinstance(candidates, list):
        raise TaskInvalid("candidates", "must be a list")
    if not minimum <= len(candidates) <= maximum:
        raise TaskInvalid("candidates", f"must be {minimum} to {maximum}, not {len(candidates)}")
    return TaskInput(
        external_id=_identifier(value.get("id", "")),
        prompt={
            "schema": SCHEMA,
            "lang": _language("lang", value.get("lang", "")),
            "messages": _messages(value.get("prompt")),
        },
        candidates=tuple(_candidate(f"candidates[{at}]", given) for at, given in enumerate(candidates)),
    )


def _refuse_unknown(where: str, value: Mapping[str, Any], known: set[str]) -> None:
    unknown = [str(key) for key in value if key not in known]
    if unknown:
        # An own name of a file may be as hostile as its texts: it is quoted short and printable.
        name, offered = ascii(unknown[0][:60]), ", ".join(sorted(known))
        raise TaskInvalid(where or "record", f"has an unknown field {name}; known: {offered}")


def _identifier(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise TaskInvalid("id", "must be a text or a whole number")
    if len(value) > LONGEST_ID:
        raise TaskInvalid("id", f"is longer than {LONGEST_ID} characters")
    return storable("id", value)


def _language(where: str, value: object) -> str:
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
    _refuse_unknown(where, value, MESSAGE_KEYS)
    role = value.get("role")
    if role not in ROLES:
        raise TaskInvalid(f"{where}.role", f"must be one of {', '.join(ROLES)}")
    return {"role": role, "parts": _parts(where, value)}


def _candidate(where: str, value: object) -> CandidateInput:
    if isinstance(value, str):
        value = {"content": value}
    if not isinstance(value, Mapping):
        raise TaskInvalid(where, "must be a text or an object")
    _refuse_unknown(where, value, CANDIDATE_KEYS)
    if value.get("role", "assistant") != "assistant":
        raise TaskInvalid(f"{where}.role", "must be assistant")
    message = {"role": "assistant", "parts": _parts(where, value)}
    message["lang"] = _language(f"{where}.lang", value.get("lang", ""))
    return CandidateInput(message=message, source=_source(where, value))


def _parts(where: str, value: Mapping[str, Any]) -> list[dict[str, str]]:
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


def _source(where: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Where a candidate came from. The file's own id is kept here too: inside, candidates have ours."""
    source = value.get("source", {})
    if isinstance(source, str):
        source = {"model": source}
    if not isinstance(source, Mapping):
        raise TaskInvalid(f"{where}.source", "must be a text or an object")
    found = dict(source)
    if "id" in value:
        found["candidate_id"] = _identifier(value["id"])
    if _weight(f"{where}.source", found, 0) > MAXIMUM_SOURCE_BYTES:
        raise TaskInvalid(f"{where}.source", f"is larger than {MAXIMUM_SOURCE_BYTES // 1024} KiB")
    return found


def _weight(where: str, value: object, depth: int) -> int:
    """The rough size of a JSON value, whose every text must be storable."""
    if depth > 8:
        raise TaskInvalid(where, "is nested too deeply")
    if isinstance(value, str):
        return len(storable(where, value).encode())
    if isinstance(value, Mapping):
        return sum(_weight(where, part, depth + 1) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return sum(_weight(where, part, depth + 1) for part in value)
    return len(str(value))


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
