"""The words in which a stage of the pipeline tells where it stands and what comes next."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy

from accounts.models import Role
from core.counting import number


class State(TextChoices):
    EMPTY = "empty", gettext_lazy("not started")
    READY = "ready", gettext_lazy("can start")
    RUNNING = "running", gettext_lazy("under way")
    ATTENTION = "attention", gettext_lazy("needs a person")
    DONE = "done", gettext_lazy("has results")


@dataclass(frozen=True)
class Count:
    label: str
    value: str


@dataclass(frozen=True)
class Step:
    """What to do next, about which object, and the page on which it is done by at least this role."""

    text: str
    route: str
    arguments: tuple[Any, ...] = ()
    name: str = ""
    query: Mapping[str, Any] = field(default_factory=dict)
    role: Role = Role.REVIEWER


def about(text: str, route: str, found: Any, *, role: Role = Role.REVIEWER) -> Step:
    """A step on the page of one row, which is named by what it calls itself."""
    return Step(text, route, arguments=(found.uid,), name=str(found), role=role)


@dataclass(frozen=True)
class Standing:
    state: State
    counts: list[Count]
    step: Step


def counts(*pairs: tuple[int, str]) -> list[Count]:
    """Numbers with what they count, which stands in the right number already."""
    return [Count(label=label, value=number(value)) for value, label in pairs]
