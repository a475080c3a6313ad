"""What the page of instruction writing adds to the frame: the instruction to mend, and the answer."""

from collections.abc import Mapping
from typing import Any

from annotation.kinds.answers import Fields, one
from annotation.kinds.demonstration import instruction_of
from annotation.models import Annotation, Assignment, TaskBody
from annotation.texts import shown

SHOWN_OF_RECORDED = 300


def writing_context(
    assignment: Assignment, body: TaskBody, fields: Fields, errors: Mapping[str, str]
) -> dict[str, Any]:
    """The instruction came with the task; it stays in the field until the person changes it."""
    messages = body.prompt["messages"]
    original = instruction_of(messages)
    instruction = fields["prompt"][-1] if fields.get("prompt") else original
    return {
        "instruction": instruction,
        "original_instruction": original,
        # Nothing on this page is shown as Markdown then, so there is no raw text to switch to.
        "nothing_rendered": len(messages) <= 1,
        "completion": one(fields, "completion"),
        "is_mended": instruction.strip() != original.strip(),
        "messages_before": [shown(message, lang=body.prompt["lang"]) for message in messages[:-1]],
        "lang": body.prompt["lang"],
    }


def recorded_completion(assignment: Assignment, current: Annotation) -> list[str]:
    text = str(current.answer["completion"])
    return [text if len(text) <= SHOWN_OF_RECORDED else f"{text[:SHOWN_OF_RECORDED]} …"]
