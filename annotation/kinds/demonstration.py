"""Instruction writing: a person answers an instruction as a model should, and may mend the instruction.

Fields of the form: `prompt`, `completion`, `flags` (repeated), `rationale`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotation.kinds.answers import (
    LONGEST_RATIONALE,
    LONGEST_TEXT,
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
from annotation.kinds.tasks import TaskInput, TaskInvalid, bare_task

KEYS = {"schema", "shown_order", "prompt", "completion", "flags", "rationale"}
PLAIN = ("prompt", "completion", "rationale")
Message = Mapping[str, Any]


@dataclass(frozen=True)
class Demonstration:
    """`prompt` is the instruction as the person left or mended it: the last turn of the task's dialogue."""

    prompt: str
    completion: str
    flags: tuple[str, ...] = ()
    rationale: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "shown_order": [],
            "prompt": self.prompt,
            "completion": self.completion,
            "flags": sorted(self.flags),
            "rationale": self.rationale,
        }


def parse_task(value: object) -> TaskInput:
    """A dialogue that ends with what a user asks; raises TaskInvalid for the first fault."""
    task = bare_task(value)
    if task.prompt["messages"][-1]["role"] != "user":
        raise TaskInvalid("prompt", "must end with a message of the user: the instruction to answer")
    return task


def instruction_of(messages: Sequence[Message]) -> str:
    """The instruction of a task as it came in: the text of its last message."""
    return text_of(messages[-1]) if messages else ""


def dialogue(
    messages: Sequence[Message], answer: Mapping[str, Any]
) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Prompt and completion as plain messages: the task's dialogue with the instruction as it was mended."""
    before = [{"role": message["role"], "content": text_of(message)} for message in messages[:-1]]
    prompt = [*before, {"role": "user", "content": answer["prompt"]}]
    return prompt, [{"role": "assistant", "content": answer["completion"]}]


def text_of(message: Message) -> str:
    return "\n\n".join(part["text"] for part in message["parts"])


def parse_answer(value: object, *, rules: Rules) -> Demonstration:
    """Read an answer as JSON; raises AnswerInvalid that names every wrong field."""
    problems: dict[str, str] = {}
    given = opened(value, known=KEYS, problems=problems)
    refuse_candidates(given, problems)
    answer = Demonstration(
        prompt=read_text(given.get("prompt", ""), "prompt", LONGEST_TEXT, problems),
        completion=read_text(given.get("completion", ""), "completion", LONGEST_TEXT, problems),
        flags=read_flags(given.get("flags", []), problems),
        rationale=read_text(given.get("rationale", ""), "rationale", LONGEST_RATIONALE, problems),
    )
    refuse(problems, _broken_rules(answer, rules))
    return answer


def _broken_rules(answer: Demonstration, rules: Rules) -> Iterator[tuple[str, str]]:
    if not answer.prompt:
        yield "prompt", gettext_noop("The instruction is empty: leave it as it was, mend it, or skip.")
    if not answer.completion:
        yield "completion", gettext_noop("Write the answer that a model should give, or skip.")
    if rules.require_rationale and not answer.rationale:
        yield "rationale", gettext_noop("This project asks for a reason: write a sentence.")


def known_fields(form: Fields, *, rules: Rules) -> dict[str, list[str]]:
    return kept(form, [*PLAIN, "flags"])


def parse_form(form: Fields, *, rules: Rules) -> Demonstration:
    plain = {name: one(form, name) for name in PLAIN}
    return parse_answer({**plain, "flags": list(form.get("flags", ()))}, rules=rules)


def fields_of(answer: Mapping[str, Any]) -> dict[str, list[str]]:
    """A stored answer as form fields, so that it can be shown again and corrected."""
    fields = {name: [answer[name]] for name in PLAIN if answer[name]}
    return {**fields, "flags": list(answer["flags"])} if answer["flags"] else fields
