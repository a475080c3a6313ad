"""Reads the current answers of a project once, for every figure of a measurement."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast, Length

from annotation.models import Annotation, Project, Task
from qa.comparing import end_places, pair_votes
from qa.inbox import held_members
from qa.models import Acceptance
from qa.statistics.anomalies import Timed

ROWS_AT_A_TIME = 2000
SIDES = (-1, 0, 1)
MARKS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Reading:
    """`is_accepted`: to be released as the annotator gave it.

    What a reviewer mended is no judgement of its own any more, and says nothing about agreement.
    """

    task: int
    person: str
    answer: Mapping[str, Any]
    active_ms: int
    characters: int
    is_accepted: bool


@dataclass
class Person:
    answers: int = 0
    first_won: int = 0
    last_won: int = 0
    times: list[Timed] = field(default_factory=list)


@dataclass
class Votes:
    """Labels by unit, in the order in which they were read: a unit is a pair of a task, or a task."""

    places: dict[Any, int] = field(default_factory=dict)
    units: dict[tuple[int, Any], int] = field(default_factory=dict)
    tasks: dict[int, int] = field(default_factory=dict)
    items: list[int] = field(default_factory=list)
    labels: list[tuple[int, int]] = field(default_factory=list)
    people: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    annotations: int = 0

    def add(self, person: str, task: int, unit: Any, value: Any) -> None:
        place = self.places.setdefault(value, len(self.places))
        item = self.tasks.setdefault(task, len(self.tasks))
        number = self.units.setdefault((task, unit), len(self.units))
        if number == len(self.items):
            self.items.append(item)
        self.labels.append((number, place))
        self.people[person].append((number, place))


def read_answers(project: Project) -> Iterator[Reading]:
    """Work only: gold measures people, not how they agree."""
    found = Annotation.objects.filter(project=project, is_current=True, task__purpose=Task.Purpose.WORK)
    body = "task__body__"
    characters = Length(Cast(f"{body}prompt", TextField())) + Length(Cast(f"{body}candidates", TextField()))
    rows = found.order_by("pk").values_list(
        "membership_id", "task_id", "membership__pseudonym", "answer", "active_ms",
        characters, "acceptance__state", "acceptance__fixed_answer",
    )  # fmt: skip
    held = held_members(project)
    for membership, task, person, answer, active_ms, size, state, fixed in rows.iterator(ROWS_AT_A_TIME):
        is_accepted = state == Acceptance.State.ACCEPTED and fixed is None and membership not in held
        yield Reading(task, person, answer, active_ms, size, is_accepted)


def note_person(person: Person, reading: Reading) -> None:
    person.answers += 1
    person.times.append(Timed(reading.active_ms, reading.characters))
    won = end_places(reading.answer)
    person.first_won += won == 1
    person.last_won += won == -1


def note_votes(project: Project, votes: Votes, reading: Reading) -> None:
    votes.annotations += 1
    if project.kind == Project.Kind.RANKING:
        for pair, side in pair_votes(reading.answer).items():
            votes.add(reading.person, reading.task, pair, side)
    else:
        labels = reading.answer["labels"]
        value = frozenset(labels) if project.allow_several_labels else labels[0]
        votes.add(reading.person, reading.task, None, value)


def empty_votes(project: Project) -> Votes:
    """With the values in the order that the level of measurement needs."""
    if project.kind == Project.Kind.RANKING:
        return Votes(places={side: place for place, side in enumerate(SIDES)})
    if project.allow_several_labels:
        return Votes()
    return Votes(places={label: place for place, label in enumerate(project.labels)})


def empty_parts(project: Project) -> dict[str, Votes]:
    """Votes of their own for each label of several, or for each rated aspect."""
    if project.kind == Project.Kind.CLASSIFICATION:
        return {label: Votes(places={False: 0, True: 1}) for label in project.labels}
    if project.kind == Project.Kind.RANKING:
        return {aspect: Votes(places=dict(zip(MARKS, range(5), strict=True))) for aspect in project.aspects}
    return {}


def note_parts(project: Project, parts: Mapping[str, Votes], reading: Reading) -> None:
    """An aspect that was not rated gives no vote."""
    if project.kind == Project.Kind.CLASSIFICATION:
        for label, votes in parts.items():
            votes.annotations += 1
            votes.add(reading.person, reading.task, None, label in reading.answer["labels"])
        return
    for candidate, marks in (reading.answer.get("aspects") or {}).items():
        for aspect, mark in marks.items():
            # An aspect may have left the project since.
            if aspect in parts:
                parts[aspect].add(reading.person, reading.task, candidate, mark)
