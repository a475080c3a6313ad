"""Classification: a person gives a text or a dialogue one of the project's labels, or several.

Fields of the form: `labels` (repeated), `flags` (repeated), `rationale`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from annotation.kinds.answers import (
    LONGEST_RATIONALE,
    SCHEMA,
    Fields,
    Rules,
    gettext_noop,
    kept,
    one,
    opened,
    read_flags,
    read_text,
    refuse,
    refuse_candidates,
)
from annotation.kinds.tasks import TaskInput, bare_task

KEYS = {"schema", "shown_order", "labels", "flags", "rationale"}


@dataclass(frozen=True)
class Classification:
    """`labels` stand in the project's order, whatever the order of clicking."""

    labels: tuple[str, ...]
    flags: tuple[str, ...] = ()
    rationale: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "shown_order": [],
            "labels": list(self.labels),
            "flags": sorted(self.flags),
            "rationale": self.rationale,
        }


def parse_task(value: object) -> TaskInput:
    """A text, or a dialogue of any roles; raises TaskInvalid for the first fault."""
    return bare_task(value)


def parse_answer(value: object, *, rules: Rules) -> Classification:
    """Read an answer as JSON; raises AnswerInvalid that names every wrong field."""
    problems: dict[str, str] = {}
    given = opened(value, known=KEYS, problems=problems)
    refuse_candidates(given, problems)
    answer = Classification(
        labels=_labels(given.get("labels", []), rules, problems),
        flags=read_flags(given.get("flags", []), problems),
        rationale=read_text(given.get("rationale", ""), "rationale", LONGEST_RATIONALE, problems),
    )
    refuse(problems, _broken_rules(answer, rules))
    return answer


def _labels(value: object, rules: Rules, problems: dict[str, str]) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        problems["labels"] = gettext_noop("The labels must be a list of texts.")
        return ()
    if set(value) - set(rules.labels):
        problems["labels"] = gettext_noop("This project does not have such a label.")
        return ()
    return tuple(label for label in rules.labels if label in value)


def _broken_rules(answer: Classification, rules: Rules) -> Iterator[tuple[str, str]]:
    if not answer.labels:
        yield "labels", gettext_noop("Choose a label, or skip.")
    if len(answer.labels) > 1 and not rules.allow_several_labels:
        yield "labels", gettext_noop("This project asks for exactly one label.")
    if rules.require_rationale and not answer.rationale:
        yield "rationale", gettext_noop("This project asks for a reason: write a sentence.")


def known_fields(form: Fields, *, rules: Rules) -> dict[str, list[str]]:
    return kept(form, ["labels", "flags", "rationale"])


def parse_form(form: Fields, *, rules: Rules) -> Classification:
    repeated = {name: list(form.get(name, ())) for name in ("labels", "flags")}
    return parse_answer({**repeated, "rationale": one(form, "rationale")}, rules=rules)


def fields_of(answer: Mapping[str, Any]) -> dict[str, list[str]]:
    """A stored answer as form fields, so that it can be shown again and corrected."""
    fields = {name: list(answer[name]) for name in ("labels", "flags") if answer[name]}
    return {**fields, "rationale": [answer["rationale"]]} if answer["rationale"] else fields
