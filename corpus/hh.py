"""Human/Assistant preference files. Pure.

A line is `{"chosen": "\\n\\nHuman: ...\\n\\nAssistant: ...", "rejected": "..."}`. The prompt is what both
dialogues share, cut back to the end of its last "\\n\\nAssistant:"; the rest of each is the answer. Answers
are kept as they were judged, even where one goes on to write the next person's words.
"""

import json
import os
import re
from dataclasses import dataclass
from typing import Any

from core.text import refusal

Messages = list[dict[str, str]]
ASSISTANT = "\n\nAssistant:"
TURN = re.compile(r"\n\n(Human|Assistant):")
ROLES = {"Human": "user", "Assistant": "assistant"}
LONGEST_TEXT = 256 * 1024
# Two texts in which every character is escaped as \\uXXXX, and the braces.
LONGEST_LINE = 2 * 6 * LONGEST_TEXT + 1024


class RowMalformed(ValueError):
    """This row is not a usable preference; the text says why."""


@dataclass(frozen=True)
class Preference:
    prompt: Messages
    chosen: Messages
    rejected: Messages


def parse_line(line: bytes) -> Preference:
    """One line of a preference file; raises RowMalformed with a reason for a person."""
    if len(line) > LONGEST_LINE:
        raise RowMalformed(f"The line is longer than {LONGEST_LINE:,} bytes.")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RowMalformed(f"The line is not valid UTF-8 at byte {error.start}.") from error
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RowMalformed("The line is not valid JSON.") from error
    return parse_dialogues(chosen=_text(row, "chosen"), rejected=_text(row, "rejected"))


def parse_dialogues(*, chosen: str, rejected: str) -> Preference:
    """Split two dialogues into the prompt that they share and two different answers; raises RowMalformed."""
    if chosen == rejected:
        raise RowMalformed("Chosen and rejected are the same.")
    shared = os.path.commonprefix([chosen, rejected])
    end = shared.rfind(ASSISTANT)
    if end < 0:
        raise RowMalformed('The two dialogues share no prompt that ends with "Assistant:".')
    end += len(ASSISTANT)
    answers = {"chosen": chosen[end:].strip(), "rejected": rejected[end:].strip()}
    for name, answer in answers.items():
        if not answer:
            raise RowMalformed(f"The {name} answer is empty.")
    if answers["chosen"] == answers["rejected"]:
        raise RowMalformed("The two answers differ only in white space.")
    return Preference(
        prompt=parse_prompt(shared[: end - len(ASSISTANT)]),
        chosen=[{"role": "assistant", "content": answers["chosen"]}],
        rejected=[{"role": "assistant", "content": answers["rejected"]}],
    )


def parse_prompt(dialogue: str) -> Messages:
    """The turns before the answer; raises RowMalformed when the text does not start with a person's turn."""
    before, *turns = TURN.split(dialogue)
    if before.strip() or not turns or turns[0] != "Human":
        raise RowMalformed('The dialogue does not start with "Human:".')
    messages = [
        {"role": ROLES[speaker], "content": content.strip()}
        for speaker, content in zip(turns[::2], turns[1::2], strict=True)
    ]
    if not any(message["content"] for message in messages if message["role"] == "user"):
        raise RowMalformed("The prompt is empty.")
    return messages


def _text(row: Any, name: str) -> str:
    if not isinstance(row, dict):
        raise RowMalformed("The line is not a JSON object.")
    value = row.get(name)
    if value is None:
        raise RowMalformed(f"The field “{name}” is missing.")
    if not isinstance(value, str):
        raise RowMalformed(f"The field “{name}” is not a text.")
    reason = refusal(value, maximum_bytes=LONGEST_TEXT)
    if reason:
        raise RowMalformed(f"The field “{name}” {reason}.")
    return value
