"""What is in a version at a glance: who judged, which labels, how long the texts are."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import pyarrow.parquet
from django.core.cache import cache

from core import blobs
from corpus.columns import text_size
from corpus.models import DatasetVersion
from corpus.redactions import RowsErased, erasure_told

# Enough for a picture, and read within a page's time however large the version is.
MOST_ROWS = 2000
MOST_CHARACTERS = 8 * 2**20
MOST_VALUES = 12
REMEMBERED = 3600
TEXTS = ("prompt", "chosen", "rejected", "completion", "text")
READ = (*TEXTS, "labels", "lang", "source", "annotator", "is_simulated")

Counts = list[tuple[str, int]]


@dataclass
class Facts:
    """`rows` were read; `is_all` when the version holds no others. Lengths are in characters, one a row."""

    rows: int = 0
    is_all: bool = True
    sources: Counts = field(default_factory=list)
    annotators: Counts = field(default_factory=list)
    labels: Counts = field(default_factory=list)
    languages: Counts = field(default_factory=list)
    lengths: dict[str, list[int]] = field(default_factory=dict)
    simulated: int = 0

    @property
    def medians(self) -> dict[str, int]:
        return {name: round(median(values)) for name, values in self.lengths.items() if values}

    @property
    def longer_chosen(self) -> int | None:
        """In how many percent of the pairs the better answer is the longer one; None without pairs."""
        pairs = list(zip(self.lengths.get("chosen", []), self.lengths.get("rejected", []), strict=True))
        differing = [chosen > rejected for chosen, rejected in pairs if chosen != rejected]
        return round(100 * sum(differing) / len(differing)) if differing else None


def facts_of(version: DatasetVersion) -> Facts:
    """A version never changes but by an erasure, which makes it another one here."""
    key = f"version-facts-1:{version.uid}:{'redacted' if version.redacted_at else 'whole'}"
    known: Facts | None = cache.get(key)
    if known is None:
        known = _read(version)
        cache.set(key, known, REMEMBERED)
    return known


def _read(version: DatasetVersion) -> Facts:
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("source", "annotator", "labels", "lang")}
    facts = Facts()
    for row in _first_rows(version):
        facts.rows += 1
        facts.simulated += bool(row.get("is_simulated"))
        for name in ("source", "annotator", "lang"):
            if row.get(name):
                counts[name][row[name]] += 1
        counts["labels"].update(row.get("labels") or [])
        for name in TEXTS:
            if name in row:
                facts.lengths.setdefault(name, []).append(length_of(row[name]))
    facts.is_all = facts.rows >= version.train_rows + version.heldout_rows
    facts.sources, facts.annotators = _most(counts["source"]), _most(counts["annotator"])
    facts.labels, facts.languages = _most(counts["labels"]), _most(counts["lang"])
    return facts


def length_of(value: Any) -> int:
    """Characters of a text, or of what the messages of a dialogue say."""
    if isinstance(value, str):
        return len(value)
    return sum(len(message["content"]) for message in value or [])


def _most(counts: Counter[str]) -> Counts:
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_VALUES]


def _first_rows(version: DatasetVersion) -> Iterator[Mapping[str, Any]]:
    """Training rows before held-out ones; only the columns that are counted, and not without end."""
    room, characters = MOST_ROWS, MOST_CHARACTERS
    for file in version.manifest["files"]:
        for rows in _groups(version, file):
            for row in rows[:room]:
                yield row
                characters -= sum(text_size(row.get(name)) for name in TEXTS)
            room -= len(rows)
            if room <= 0 or characters <= 0:
                return


def _groups(version: DatasetVersion, file: Mapping[str, Any]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The row groups of a file; none where its rows were erased."""
    try:
        with erasure_told(version), blobs.opened(file["sha256"], workspace=version.workspace.uid) as handle:
            stored = pyarrow.parquet.ParquetFile(handle)
            columns = [name for name in READ if name in stored.schema_arrow.names]
            for group in range(stored.num_row_groups):
                yield stored.read_row_group(group, columns=columns).to_pylist()
    except RowsErased:
        return
