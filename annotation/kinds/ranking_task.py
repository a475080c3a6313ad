"""A ranking task as it comes in: a prompt and its candidates."""

from collections.abc import Mapping
from typing import Any

from annotation.kinds.tasks import (
    CandidateInput,
    TaskInput,
    TaskInvalid,
    identifier,
    language,
    opened,
    parts_of,
    refuse_unknown,
    storable,
    task_of,
)

MAXIMUM_SOURCE_BYTES = 8 * 1024
CANDIDATE_KEYS = {"id", "content", "parts", "lang", "source", "role"}


def parse_task(value: object, *, minimum: int = 2, maximum: int = 4) -> TaskInput:
    """Check one record and bring it into the stored shape; raises TaskInvalid for the first fault."""
    found = opened(value)
    candidates = found.get("candidates")
    if not isinstance(candidates, list):
        raise TaskInvalid("candidates", "must be a list")
    if not minimum <= len(candidates) <= maximum:
        raise TaskInvalid("candidates", f"must be {minimum} to {maximum}, not {len(candidates)}")
    read = (_candidate(f"candidates[{at}]", given) for at, given in enumerate(candidates))
    return task_of(found, candidates=tuple(read))


def _candidate(where: str, value: object) -> CandidateInput:
    if isinstance(value, str):
        value = {"content": value}
    if not isinstance(value, Mapping):
        raise TaskInvalid(where, "must be a text or an object")
    refuse_unknown(where, value, CANDIDATE_KEYS)
    if value.get("role", "assistant") != "assistant":
        raise TaskInvalid(f"{where}.role", "must be assistant")
    message = {"role": "assistant", "parts": parts_of(where, value)}
    message["lang"] = language(f"{where}.lang", value.get("lang", ""))
    return CandidateInput(message=message, source=_source(where, value))


def _source(where: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """Where a candidate came from. The file's own id is kept here too: inside, candidates have ours."""
    source = value.get("source", {})
    if isinstance(source, str):
        source = {"model": source}
    if not isinstance(source, Mapping):
        raise TaskInvalid(f"{where}.source", "must be a text or an object")
    found = dict(source)
    if "id" in value:
        found["candidate_id"] = identifier(value["id"])
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
