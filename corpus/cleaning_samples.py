"""The samples of a cleaning report with their texts, read when the page is shown and kept nowhere else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from corpus.cleaning_plans import normaliser
from corpus.cleaning_settings import STEPS
from corpus.coverage import reason_label
from corpus.models import CleaningRun, Document

EXCERPT = 280
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


@dataclass(frozen=True)
class StepReport:
    name: str
    label: str
    removed: int
    changed: int
    reasons: list[tuple[str, int]]
    samples: list[Sample]


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
    return [_report(run, step, documents) for step in steps]


def _report(run: CleaningRun, step: Mapping[str, Any], documents: Mapping[str, Document]) -> StepReport:
    make = _changed if step["step"] == "normalise" else _removed
    return StepReport(
        name=step["step"],
        label=str(STEPS[step["step"]]),
        removed=step["removed"],
        changed=step["changed"],
        reasons=[(reason_label(reason), count) for reason, count in step["reasons"].items()],
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
