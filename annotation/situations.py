"""What a page about a task is told about the moment, and the small pieces that all kinds show alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.kinds.answers import Fields
from annotation.submissions import Receipt


@dataclass(frozen=True)
class Situation:
    """What happened just before the page is shown."""

    fields: Fields | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    conflict: dict[str, Any] | None = None
    receipt: Receipt | None = None
    submitted_count: int | None = None
    newest_guideline: int | None = None


def choice(value: str, label: str, chosen: Sequence[str]) -> dict[str, Any]:
    return {"value": value, "label": label, "checked": value in chosen}
