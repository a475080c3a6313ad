"""Rows of a version, in a shape that one template can show for every kind."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.word_diff import Piece, word_diff
from corpus import versions
from corpus.models import DatasetVersion
from corpus.redactions import RowsErased
from corpus.splits import SPLITS, Split

ROWS_SHOWN = 2
CHARACTERS_SHOWN = 1500
# Two texts are compared this far, so that a cut does not read as a change; then they are cut for the page.
CHARACTERS_COMPARED = 20_000
BEFORE_A_CHANGE = 300
ANSWERS = {
    "chosen": gettext_lazy("Chosen"),
    "rejected": gettext_lazy("Rejected"),
    "completion": gettext_lazy("Answer"),
}

SPEAKERS = {
    "system": gettext_lazy("Instructions"),
    "user": gettext_lazy("Prompt"),
    "assistant": gettext_lazy("Model, before"),
}
SPLIT_LABELS = {"train": gettext_lazy("training"), "heldout": gettext_lazy("held out")}
COUNTS = {
    "pairs": gettext_lazy("Pairs"),
    "annotations": gettext_lazy("Answers"),
    "ties": gettext_lazy("Ties left out"),
    "all_bad": gettext_lazy("All bad, left out"),
    "no_preference": gettext_lazy("Without a preference"),
    "no_majority": gettext_lazy("Tasks without a majority"),
    "not_work": gettext_lazy("Gold and repeats left out"),
    "skipped": gettext_lazy("Malformed rows left out"),
    "documents": gettext_lazy("Documents"),
    "erased": gettext_lazy("Erased rows"),
}
# How the freezing of a corpus names its counts of one source.
OF_A_SOURCE = "source:"


@dataclass(frozen=True)
class Count:
    label: str
    value: int


def labelled_counts(counts: Mapping[str, int]) -> list[Count]:
    """What the manifest counted, in a fixed order and in words; a name without words is shown as it is."""
    known = [Count(label=str(label), value=counts[name]) for name, label in COUNTS.items() if name in counts]
    others = [
        Count(label=name, value=value)
        for name, value in sorted(counts.items())
        if name not in COUNTS and not name.startswith(OF_A_SOURCE)
    ]
    return known + others


def counts_by_source(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Documents by source, where the manifest of a corpus says so; the most first."""
    found = [
        (name.removeprefix(OF_A_SOURCE), n) for name, n in counts.items() if name.startswith(OF_A_SOURCE)
    ]
    return sorted(found, key=lambda entry: (-entry[1], entry[0]))


@dataclass(frozen=True)
class Text:
    """A message or a document, cut to what a page can show."""

    label: str
    text: str
    is_cut: bool


@dataclass(frozen=True)
class Preview:
    """`number` is the row's place in its side of the split, where it is known. `change` leads from the
    rejected answer to the chosen one, or from the older row to the newer one.
    """

    id: str
    split_label: str
    lang: str
    prompt: list[Text]
    answers: list[Text]
    facts: list[str]
    number: int = 0
    change: Sequence[Piece] = ()


def first_rows(version: DatasetVersion) -> list[Preview]:
    """The first rows of each side; a side whose first rows were erased shows none."""
    return [
        preview(row, split, number=at)
        for split in SPLITS
        for at, row in enumerate(_rows_of(version, split), start=1)
    ]


def _rows_of(version: DatasetVersion, split: Split) -> list[dict[str, Any]]:
    try:
        return versions.rows(version, split=split, limit=ROWS_SHOWN)
    except RowsErased:
        return []


def preview(row: Mapping[str, Any], split: str, *, number: int = 0, change: Sequence[Piece] = ()) -> Preview:
    prompt = [
        shortened(str(SPEAKERS.get(message["role"], message["role"])), message["content"])
        for message in row.get("prompt") or []
    ]
    answers = [shortened(str(label), said(row[name])) for name, label in ANSWERS.items() if row.get(name)]
    if "text" in row:
        answers = [shortened(_("Text"), row["text"])]
    if row.get("labels"):
        # What was labelled is a text, and no prompt to a model.
        prompt = [shortened(_("Text"), message["content"]) for message in row.get("prompt") or []]
        answers = [shortened(_("Labels"), ", ".join(row["labels"]))]
    return Preview(
        id=row["id"],
        split_label=str(SPLIT_LABELS[split]),
        lang=row.get("lang") or "",
        prompt=prompt,
        answers=answers,
        facts=_facts(row),
        number=number,
        change=change,
    )


def _facts(row: Mapping[str, Any]) -> list[str]:
    """Where the row came from, in a few words each."""
    found = [row.get("source"), row.get("annotator"), row.get("lang")]
    if row.get("guideline"):
        found.append(_("guideline %(n)s") % {"n": row["guideline"]})
    if row.get("margin") is not None:
        found.append(_("margin %(n)s") % {"n": f"{row['margin']:g}"})
    if row.get("is_simulated"):
        found.append(_("simulated"))
    return [str(fact) for fact in found if fact]


def said(messages: Sequence[Mapping[str, str]]) -> str:
    return "\n\n".join(message["content"] for message in messages)


def between_answers(row: Mapping[str, Any]) -> list[Piece]:
    """From the rejected answer to the chosen one."""
    if not row.get("chosen") or not row.get("rejected"):
        return []
    return _difference(said(row["rejected"]), said(row["chosen"]))


def between_rows(older: Mapping[str, Any], newer: Mapping[str, Any]) -> list[Piece]:
    """From one row's texts to another's, without a prompt that both have; nothing where they say the same."""
    names = {"prompt"} if older.get("prompt") != newer.get("prompt") else set()
    before, after = (whole_text(row, names) for row in (older, newer))
    return [] if before == after else _difference(before, after)


def _difference(before: str, after: str) -> list[Piece]:
    """As much as a page shows, from shortly before the first change on; "…" stands for what is left out."""
    pieces = word_diff(before[:CHARACTERS_COMPARED], after[:CHARACTERS_COMPARED])
    goes_on = max(len(before), len(after)) > CHARACTERS_COMPARED
    if len(pieces) > 1 and pieces[0].kind == "same" and len(pieces[0].text) > BEFORE_A_CHANGE:
        pieces[0] = Piece("same", "… " + pieces[0].text[-BEFORE_A_CHANGE:])
    shown, left = [], CHARACTERS_SHOWN
    for piece in pieces:
        if left > 0:
            shown.append(replace(piece, text=piece.text[:left]))
        left -= len(piece.text)
    return [*shown, Piece("same", " …")] if goes_on or left < 0 else shown


def whole_text(row: Mapping[str, Any], also: Container[str]) -> str:
    """All that a row says, below headings where these are several; its prompt only where `also` has it."""
    if "text" in row:
        return str(row["text"])
    parts = [said(row["prompt"])] if "prompt" in also else []
    parts += [f"{label}: {said(row[name])}" for name, label in ANSWERS.items() if row.get(name)]
    if row.get("labels"):
        parts.append(", ".join(row["labels"]))
    return "\n\n".join(parts)


def shortened(label: str, text: str) -> Text:
    return Text(label=label, text=text[:CHARACTERS_SHOWN], is_cut=len(text) > CHARACTERS_SHOWN)
