"""What a task and an answer of each kind look like: one pure module a kind, without Django.

`kind_of(project.kind)` gives the functions by which the rest of the house reads them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from annotation.kinds import classification, demonstration, ranking, ranking_form, ranking_task
from annotation.kinds.answers import Answer, Fields, Rules
from annotation.kinds.tasks import TaskInput

__all__ = ["Answer", "Fields", "Kind", "Rules", "TaskInput", "kind_of"]


class ParseAnswer(Protocol):
    def __call__(self, value: object, *, rules: Rules) -> Answer: ...


class ParseForm(Protocol):
    def __call__(self, form: Fields, *, rules: Rules) -> Answer: ...


class KnownFields(Protocol):
    def __call__(self, form: Fields, *, rules: Rules) -> dict[str, list[str]]: ...


@dataclass(frozen=True)
class Kind:
    """`fields_of` is the inverse of `parse_form`; `known_fields` is what a draft keeps of a form.

    `parse_task` raises TaskInvalid, `parse_answer` and `parse_form` raise AnswerInvalid.
    """

    name: str
    parse_task: Callable[[object], TaskInput]
    parse_answer: ParseAnswer
    parse_form: ParseForm
    known_fields: KnownFields
    fields_of: Callable[[Mapping[str, Any]], dict[str, list[str]]]


KINDS = {
    "ranking": Kind(
        name="ranking",
        parse_task=ranking_task.parse_task,
        parse_answer=ranking.parse_answer,
        parse_form=ranking_form.parse_form,
        known_fields=ranking_form.known_fields,
        fields_of=ranking_form.fields_of,
    ),
    "demonstration": Kind(
        name="demonstration",
        parse_task=demonstration.parse_task,
        parse_answer=demonstration.parse_answer,
        parse_form=demonstration.parse_form,
        known_fields=demonstration.known_fields,
        fields_of=demonstration.fields_of,
    ),
    "classification": Kind(
        name="classification",
        parse_task=classification.parse_task,
        parse_answer=classification.parse_answer,
        parse_form=classification.parse_form,
        known_fields=classification.known_fields,
        fields_of=classification.fields_of,
    ),
}


def kind_of(name: str) -> Kind:
    """The kind of this name; KeyError for a name that no project can have."""
    return KINDS[name]
