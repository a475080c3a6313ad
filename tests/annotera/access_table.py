"""The form of a row of the access table, for the parts of the table that stand with their apps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.annotera.objects import Objects

Made = Callable[[Objects], dict[str, Any]]


def nothing(objects: Objects) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Row:
    """Statuses for: anonymous, annotator, reviewer, admin, admin of another workspace."""

    name: str
    method: str
    statuses: tuple[int, int, int, int, int]
    arguments: Made = nothing
    data: Made = nothing


def uid_of(kind: str) -> Made:
    """The address names this object of Alice's workspace."""
    return lambda objects: {"uid": getattr(objects, kind).uid}


def sends(**values: Any) -> Made:
    return lambda objects: values
