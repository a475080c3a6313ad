"""The samples of a cleaning report with their texts, read when the page is shown and kept nowhere else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.bars import percent
from core.word_diff import Piece, word_diff
from corpus.cleaning_plans import normaliser
from corpus.cleaning_settings import STEPS
from corpus.coverage import reason_label
from corpus.models import CleaningRun, Document

EXCERPT = 280
SAMPLES_OPEN = 2
BEFORE_A_DIFFERENCE = 80


@dataclass(frozen=True)
class Excerpt:
    text: str
    is_cut: bool


@dataclass(frozen=True)
class Sample:
    """A document that a step removes or changes. `other` is the one that it repeats, or its text after."""

    document: Document
    reason: str
    score: float | None
    excerpt: Excerpt
    partner: Document | None = None
    other: Excerpt | None = None

    @property
    def change(self) -> list[Piece]:
        """From the text before to the text after, or from the one that stays to the one that repeats it."""
        if self.other is None:
            return []
        if self.partner is None:
            return word_diff(self.excerpt.text, self.other.text)
        return word_diff(self.other.text, self.excerpt.text)

    @property
    def likeness(self) -> str:
        return "" if self.score is None else f"{100 * self.score:.0f} %"


@dataclass(frozen=True)
class StepReport:
    name: str
    label: str
    removed: int
    changed: int
    reasons: list[tuple[str, int]]
    samples: list[Sample]
    # Documents that came into the step, and of how many all in all.
    entered: int = 0
    documents: int = 0

    @property
    def left(self) -> int:
        return self.entered - self.removed

    @property
    def left_length(self) -> str:
        return percent(self.left / (self.documents or 1))

    @property
    def removed_length(self) -> str:
        return percent(self.removed / (self.documents or 1))

    @property
    def changed_length(self) -> str:
        return percent(self.changed / (self.documents or 1))

    @property
    def first_samples(self) -> list[Sample]:
        return self.samples[:SAMPLES_OPEN]

    @property
    def more_samples(self) -> list[Sample]:
        return self.samples[SAMPLES_OPEN:]


def step_reports(run: CleaningRun) -> list[StepReport]:
    """One query for all samples, whatever their number."""
    steps = run.report.get("steps", [])
    uids = {
        uid
        for step in steps
        for sample in step["samples"]
        for uid in (sample["document"], sample["of"])
        if uid
    }
    found = Document.objects.filter(workspace_id=run.workspace_id, uid__in=uids)
    documents = {str(document.uid): document for document in found}
    reports, entered = [], run.report.get("documents", 0)
    for step in steps:
        reports.append(_report(run, step, documents, entered))
        entered -= step["removed"]
    return reports


def _report(
    run: CleaningRun, step: Mapping[str, Any], documents: Mapping[str, Document], entered: int
) -> StepReport:
    make = _changed if step["step"] == "normalise" else _removed
    return StepReport(
        name=step["step"],
        label=str(STEPS[step["step"]]),
        removed=step["removed"],
        changed=step["changed"],
        reasons=[(reason_label(reason), count) for reason, count in step["reasons"].items()],
        entered=entered,
        documents=run.report.get("documents", 0),
        samples=[
            make(run, sample, documents) for sample in step["samples"] if sample["document"] in documents
        ],
    )


def _removed(run: CleaningRun, sample: Mapping[str, Any], documents: Mapping[str, Document]) -> Sample:
    document, partner = documents[sample["document"]], documents.get(sample["of"] or "")
    return Sample(
        document=document,
        reason=reason_label(sample["reason"]),
        score=sample["score"],
        excerpt=excerpt(document.text),
        partner=partner,
        other=excerpt(partner.text) if partner else None,
    )


def _changed(run: CleaningRun, sample: Mapping[str, Any], documents: Mapping[str, Document]) -> Sample:
    document = documents[sample["document"]]
    before = document.text if document.original_text is None else document.original_text
    after = document.text
    if document.original_text is None:
        after = normaliser(run.source).mend(document.text, document.lang)
    start = max(0, len(os.path.commonprefix([before, after])) - BEFORE_A_DIFFERENCE)
    return Sample(
        document=document,
        reason="",
        score=None,
        excerpt=excerpt(before, start=start),
        other=excerpt(after, start=start),
    )


def excerpt(text: str, *, start: int = 0) -> Excerpt:
    part = text[start : start + EXCERPT].strip()
    return Excerpt(text=("… " if start else "") + part, is_cut=len(text) > start + EXCERPT)
