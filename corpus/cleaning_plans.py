"""What a cleaning run would do to the documents of its source, found without writing anything.

The same documents give the same plan, so a run that is applied decides again and must come to the same end.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from corpus import personal_data
from corpus.cleaning.exact_duplicates import ExactDuplicates
from corpus.cleaning.near_duplicates import NearDuplicates
from corpus.cleaning.normalising import Normalise
from corpus.cleaning.quality import Quality
from corpus.cleaning.steps import Item, Outcome, Step, learn, run
from corpus.cleaning_settings import CleaningSettings, checked_settings
from corpus.models import CleaningRun, Document, Source
from jobs.side_progress import Tell

BATCH = 500
TEXTS_AT_A_TIME = 100
SAMPLES = 10
# The first documents of a source may all have the same fault: samples are taken from the whole.
SAMPLE_KEY = b"annotera cleaning sample 1"


@dataclass(frozen=True)
class Removal:
    key: int
    step: str
    reason: str
    of: int | None
    score: float | None


@dataclass
class Plan:
    """Decisions by primary key; texts are in no plan, so that an erased text is nowhere else."""

    documents: int = 0
    changed: list[int] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)

    def note(self, outcome: Outcome) -> None:
        self.documents += 1
        if outcome.removal is not None:
            removal = outcome.removal
            step = outcome.removed_by or ""
            self.removals.append(
                Removal(outcome.item.key, step, removal.reason, of=removal.of, score=removal.score)
            )
        elif outcome.changed_by:
            self.changed.append(outcome.item.key)

    def digest(self) -> str:
        """The same decisions about the same documents have the same digest."""
        lines = [f"changed {key}" for key in self.changed]
        lines += [f"removed {one.key} {one.step} {one.reason} {one.of}" for one in self.removals]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def partners(self) -> list[int]:
        return sorted({removal.of for removal in self.removals if removal.of is not None})


def normaliser(source: Source) -> Normalise:
    """Mends as the source's documents are mended: masked again where it masks."""
    if source.personal_data == Source.PersonalData.KEEP:
        return Normalise()
    return Normalise(again=lambda text, lang: personal_data.masked(text, personal_data.find(text, lang=lang)))


def plan_of(cleaning: CleaningRun, *, upto: int, tell: Tell) -> Plan:
    """Decide about every kept document of the source up to this key, beside those of the other sources."""
    settings = checked_settings(cleaning.source, cleaning.settings)
    steps = _steps(cleaning.source, settings)
    kept = Document.objects.filter(
        workspace_id=cleaning.workspace_id, state=Document.State.KEPT, pk__lte=upto
    )
    total = max(1, kept.count())
    seen = 0
    if {"exact_duplicates", "near_duplicates"} & set(settings.steps):
        others = Source.objects.filter(workspace_id=cleaning.workspace_id).exclude(pk=cleaning.source_id)
        for other in others.order_by("pk"):
            for item in items(other, upto=upto):
                learn(item, steps)
                seen += 1
                _tell_every(tell, seen, total)
    plan = Plan()
    for outcome in run(items(cleaning.source, upto=upto), steps):
        plan.note(outcome)
        seen += 1
        _tell_every(tell, seen, total)
    return plan


def _tell_every(tell: Tell, seen: int, total: int) -> None:
    if seen % BATCH == 0:
        tell(fraction=min(0.99, seen / total), sentence=_("%(count)d documents looked at") % {"count": seen})


def items(source: Source, *, upto: int) -> Iterator[Item]:
    """The kept documents of a source in the order in which they came in, read in short statements."""
    last = 0
    while True:
        batch = Document.objects.filter(
            source=source, state=Document.State.KEPT, pk__gt=last, pk__lte=upto
        ).order_by("pk")
        rows = list(batch.values_list("pk", "text", "lang", "changed_by_id")[:TEXTS_AT_A_TIME])
        for key, text, lang, changed_by in rows:
            yield Item(key=key, text=text, lang=lang, is_mended=changed_by is not None)
        if len(rows) < TEXTS_AT_A_TIME:
            return
        last = rows[-1][0]


def _steps(source: Source, settings: CleaningSettings) -> list[Step]:
    normalise = normaliser(source)
    is_mending = "normalise" in settings.steps

    def text_of(key: int) -> str:
        document = Document.objects.only("text", "lang", "changed_by_id", "source_id").get(pk=key)
        if is_mending and document.source_id == source.pk and document.changed_by_id is None:
            return normalise.mend(document.text, document.lang)
        return document.text

    made: dict[str, Step] = {
        "normalise": normalise,
        "exact_duplicates": ExactDuplicates(),
        "near_duplicates": NearDuplicates(threshold=settings.near_threshold, text_of=text_of),
        "quality": Quality(settings.quality),
    }
    return [made[name] for name in settings.steps]


def report_of(plan: Plan, *, settings: CleaningSettings, upto: int) -> dict[str, Any]:
    """Counts, reasons and samples by step. Samples name documents; their texts stay where they are."""
    sampled = _sampled(plan)
    keys = {key for samples in sampled.values() for one in samples for key in (one.key, one.of) if key}
    uids = dict(Document.objects.filter(pk__in=keys).values_list("pk", "uid"))
    removed, reasons = Counter(one.step for one in plan.removals), _reasons(plan)
    steps = [
        {
            "step": name,
            "removed": removed[name],
            "changed": len(plan.changed) if name == "normalise" else 0,
            "reasons": reasons.get(name, {}),
            "samples": [
                {
                    "document": str(uids[one.key]),
                    "of": str(uids[one.of]) if one.of else None,
                    "reason": one.reason,
                    "score": one.score,
                }
                for one in sampled.get(name, [])
            ],
        }
        for name in settings.steps
    ]
    return {
        "documents": plan.documents,
        "kept": plan.documents - len(plan.removals),
        "removed": len(plan.removals),
        "changed": len(plan.changed),
        "steps": steps,
        "upto": upto,
        "decisions": plan.digest(),
    }


def _reasons(plan: Plan) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for one in plan.removals:
        found.setdefault(one.step, Counter())[one.reason] += 1
    return {step: dict(counts.most_common()) for step, counts in found.items()}


def _sampled(plan: Plan) -> dict[str, list[Removal]]:
    """Up to ten decisions of each step, spread over the source but the same each time."""
    by_step: dict[str, list[Removal]] = {}
    for one in plan.removals:
        by_step.setdefault(one.step, []).append(one)
    by_step["normalise"] = [Removal(key, "normalise", "", None, None) for key in plan.changed]
    return {
        step: sorted(sorted(all_of_step, key=_draw)[:SAMPLES], key=lambda one: one.key)
        for step, all_of_step in by_step.items()
    }


def _draw(removal: Removal) -> bytes:
    return hashlib.blake2b(str(removal.key).encode(), key=SAMPLE_KEY, digest_size=8).digest()
