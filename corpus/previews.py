"""The first rows of a version, in a shape that one template can show for every kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from corpus import versions
from corpus.models import DatasetVersion
from corpus.redactions import RowsErased
from corpus.splits import SPLITS, Split

ROWS_SHOWN = 3
CHARACTERS_SHOWN = 1500
ANSWERS = {
    "chosen": gettext_lazy("Chosen"),
    "rejected": gettext_lazy("Rejected"),
    "completion": gettext_lazy("Answer"),
}

SPLIT_LABELS = {"train": gettext_lazy("training"), "heldout": gettext_lazy("held out")}
COUNTS = {
    "pairs": gettext_lazy("Pairs"),
    "annotations": gettext_lazy("Answers"),
    "ties": gettext_lazy("Ties left out"),
    "all_bad": gettext_lazy("All bad, left out"),
    "no_preference": gettext_lazy("Without a preference"),
    "not_work": gettext_lazy("Gold and repeats left out"),
    "skipped": gettext_lazy("Malformed rows left out"),
    "documents": gettext_lazy("Documents"),
    "erased": gettext_lazy("Erased rows"),
}


@dataclass(frozen=True)
class Count:
    label: str
    value: int


def labelled_counts(counts: Mapping[str, int]) -> list[Count]:
    """What the manifest counted, in a fixed order and in words; a name without words is shown as it is."""
    known = [Count(label=str(label), value=counts[name]) for name, label in COUNTS.items() if name in counts]
    others = [Count(label=name, value=value) for name, value in sorted(counts.items()) if name not in COUNTS]
    return known + others


@dataclass(frozen=True)
class Text:
    """A message or a document, cut to what a page can show."""

    label: str
    text: str
    is_cut: bool


@dataclass(frozen=True)
class Preview:
    id: str
    split_label: str
    lang: str
    prompt: list[Text]
    answers: list[Text]


def first_rows(version: DatasetVersion) -> list[Preview]:
    """The first rows of each side; a side whose first rows were erased shows none."""
    return [preview(row, split) for split in SPLITS for row in _rows_of(version, split)]


def _rows_of(version: DatasetVersion, split: Split) -> list[dict[str, Any]]:
    try:
        return versions.rows(version, split=split, limit=ROWS_SHOWN)
    except RowsErased:
        return []


def preview(row: Mapping[str, Any], split: str) -> Preview:
    prompt = [shortened(message["role"], message["content"]) for message in row.get("prompt") or []]
    answers = [
        shortened(str(label), "\n\n".join(message["content"] for message in row[name]))
        for name, label in ANSWERS.items()
        if row.get(name)
    ]
    if "text" in row:
        answers = [shortened(_("Text"), row["text"])]
    if row.get("labels"):
        answers = [shortened(_("Labels"), ", ".join(row["labels"]))]
    return Preview(
        id=row["id"],
        split_label=str(SPLIT_LABELS[split]),
        lang=row.get("lang") or "",
        prompt=prompt,
        answers=answers,
    )


def shortened(label: str, text: str) -> Text:
    return Text(label=label, text=text[:CHARACTERS_SHOWN], is_cut=len(text) > CHARACTERS_SHOWN)
