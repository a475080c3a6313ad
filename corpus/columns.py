"""The columns of frozen rows by kind of data set, and where a row's prompt is found. Pure."""

from collections.abc import Mapping
from typing import Any

import pyarrow

from corpus.splits import normalised, prompt_text

Row = Mapping[str, Any]
SCHEMA_VERSION = 1

MESSAGES = pyarrow.list_(pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())]))
HEAD = [("schema", pyarrow.int32()), ("id", pyarrow.string())]
# Who judged what, under which instructions, and where the answers stood; the engine ignores these.
ORIGIN = [
    ("lang", pyarrow.string()),
    ("source", pyarrow.string()),
    ("task", pyarrow.string()),
    ("annotation", pyarrow.string()),
    ("annotator", pyarrow.string()),
    ("guideline", pyarrow.int32()),
    ("is_simulated", pyarrow.bool_()),
    ("subject_key", pyarrow.string()),
]
JUDGEMENT = [
    *ORIGIN[:6],
    ("chosen_position", pyarrow.int16()),
    ("rejected_position", pyarrow.int16()),
    *ORIGIN[6:],
]
COLUMNS: dict[str, pyarrow.Schema] = {
    "preferences": pyarrow.schema(
        [
            *HEAD,
            ("prompt", MESSAGES),
            ("chosen", MESSAGES),
            ("rejected", MESSAGES),
            ("margin", pyarrow.float64()),
            *JUDGEMENT,
        ]
    ),
    "prompts": pyarrow.schema([*HEAD, ("prompt", MESSAGES), *ORIGIN]),
    "demonstrations": pyarrow.schema([*HEAD, ("prompt", MESSAGES), ("completion", MESSAGES), *ORIGIN]),
    "labels": pyarrow.schema(
        [*HEAD, ("prompt", MESSAGES), ("labels", pyarrow.list_(pyarrow.string())), *ORIGIN]
    ),
    "corpus": pyarrow.schema(
        [
            *HEAD,
            ("text", pyarrow.string()),
            ("lang", pyarrow.string()),
            ("source", pyarrow.string()),
            ("subject_key", pyarrow.string()),
        ]
    ),
}


def split_text(row: Row) -> str:
    """What decides a row's side of the split: its prompt, or its text where there is no prompt."""
    return prompt_text(row["prompt"]) if "prompt" in row else normalised(row["text"])


def text_size(value: object) -> int:
    """Characters of text anywhere inside a value."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(text_size(part) for part in value.values())
    if isinstance(value, list | tuple):
        return sum(text_size(part) for part in value)
    return 0
