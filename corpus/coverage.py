"""What is in the documents: counts by language, length, personal data found, and reasons of removal."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.bars import Bar, bars_of
from corpus.cleaning_settings import REASONS, STEPS
from corpus.models import Document, Source

LENGTHS = (
    (200, gettext_lazy("under 200 characters")),
    (1_000, gettext_lazy("200 to 1,000")),
    (5_000, gettext_lazy("1,000 to 5,000")),
    (20_000, gettext_lazy("5,000 to 20,000")),
    (None, gettext_lazy("20,000 and more")),
)
KINDS = {
    "EMAIL": gettext_lazy("E-mail addresses"),
    "PHONE": gettext_lazy("Telephone numbers"),
    "CARD": gettext_lazy("Payment cards"),
    "IBAN": gettext_lazy("Bank accounts"),
    "IP": gettext_lazy("IP addresses"),
    "SSN": gettext_lazy("Social security numbers"),
}
MOST_LANGUAGES = 12
BY_LENGTH = """
    SELECT width_bucket(characters, ARRAY[200, 1000, 5000, 20000]), count(*) FROM corpus_document
    WHERE source_id = ANY(%s) AND state = 'kept' GROUP BY 1 ORDER BY 1
"""
FINDINGS = """
    SELECT found.key, sum(found.value::int), count(*) FROM corpus_document, jsonb_each_text(findings) AS found
    WHERE source_id = ANY(%s) AND state <> 'erased' GROUP BY 1 ORDER BY 1
"""
REMOVALS = """
    SELECT removal ->> 'step', removal ->> 'reason', count(*) FROM corpus_document
    WHERE source_id = ANY(%s) AND state = 'removed' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2
"""


@dataclass(frozen=True)
class Finding:
    label: str
    findings: int
    documents: int


@dataclass(frozen=True)
class Reason:
    step: str
    reason: str
    count: int


def state_counts(sources: Collection[Source]) -> dict[int, dict[str, int]]:
    """Documents by state for each source, in one query."""
    found = Document.objects.filter(source__in=[source.pk for source in sources])
    counts: dict[int, dict[str, int]] = {
        source.pk: dict.fromkeys(Document.State.values, 0) for source in sources
    }
    for source, state, count in found.values_list("source_id", "state").annotate(number=Count("pk")):
        counts[source][state] = count
    return counts


def by_language(sources: Collection[Source]) -> list[Bar]:
    found = _kept(sources).values_list("lang").annotate(number=Count("pk")).order_by("-number", "lang")
    rows = [(lang or _("not stated"), count) for lang, count in found[:MOST_LANGUAGES]]
    return bars_of(rows)


def by_length(sources: Collection[Source]) -> list[Bar]:
    counts = dict(_rows(BY_LENGTH, sources))
    return bars_of([(str(label), counts.get(at, 0)) for at, (_limit, label) in enumerate(LENGTHS)])


def findings_of(sources: Collection[Source]) -> list[Finding]:
    return [
        Finding(label=str(KINDS.get(kind, kind)), findings=total, documents=documents)
        for kind, total, documents in _rows(FINDINGS, sources)
    ]


def removals_of(sources: Collection[Source]) -> list[Reason]:
    return [
        Reason(step=str(STEPS.get(step, step)), reason=reason_label(reason), count=count)
        for step, reason, count in _rows(REMOVALS, sources)
    ]


def reason_label(reason: str | None) -> str:
    return str(REASONS.get(reason or "", reason or ""))


def labelled_findings(findings: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(str(KINDS.get(kind, kind)), count) for kind, count in sorted(findings.items())]


def _kept(sources: Collection[Source]) -> QuerySet[Document]:
    return Document.objects.filter(source__in=[source.pk for source in sources], state=Document.State.KEPT)


def _rows(statement: str, sources: Collection[Source]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [[source.pk for source in sources]])
        return list(cursor.fetchall())
