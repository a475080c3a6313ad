"""Writes what a cleaning run decided, inside the caller's transaction: all of it, or a refusal."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from accounts.models import Workspace
from core.errors import Conflict
from corpus.cleaning.normalising import normalised_sha256
from corpus.cleaning_plans import BATCH, TEXTS_AT_A_TIME, Plan, Removal, normaliser
from corpus.models import CleaningRun, Document
from jobs.side_progress import Tell

REMOVE = """
    UPDATE corpus_document SET state = 'removed', removal = decided.removal::jsonb, removed_by_id = %s
    FROM unnest(%s::bigint[], %s::text[]) AS decided (id, removal)
    WHERE corpus_document.id = decided.id AND corpus_document.state = 'kept'
"""


class DocumentsMoved(Conflict):
    """The documents changed since the preview, so what was shown is not what would happen."""

    code = "documents_moved"


def moved() -> DocumentsMoved:
    return DocumentsMoved(
        _("The documents changed since the preview, so nothing was done: make a new preview.")
    )


def write(run: CleaningRun, plan: Plan, *, tell: Tell) -> None:
    """Remove and change as planned; raises DocumentsMoved where a document is not as it was."""
    # Two runs of a workspace may each remove what the other one keeps: they write one after the other.
    Workspace.objects.select_for_update(no_key=True).get(pk=run.workspace_id)
    for batch in _batches(plan.removals, size=BATCH):
        _remove(run, batch)
        tell(fraction=0.99)
    _check_partners(plan.partners())
    mender = normaliser(run.source)
    for keys in _batches(plan.changed, size=TEXTS_AT_A_TIME):
        documents = list(Document.objects.select_for_update().filter(pk__in=keys, state=Document.State.KEPT))
        if len(documents) != len(keys) or any(one.changed_by_id is not None for one in documents):
            raise moved()
        for document in documents:
            _retext(document, text=mender.mend(document.text, document.lang), original=document.text, by=run)
        _save_texts(documents)
        tell(fraction=0.99)


def _remove(run: CleaningRun, batch: Sequence[Removal]) -> None:
    partners = [one.of for one in batch if one.of]
    uids = dict(Document.objects.filter(pk__in=partners).values_list("pk", "uid"))
    reasons = [
        json.dumps(
            {
                "step": one.step,
                "reason": one.reason,
                "of": str(uids[one.of]) if one.of else None,
                "score": one.score,
            }
        )
        for one in batch
    ]
    with connection.cursor() as cursor:
        cursor.execute(REMOVE, [run.pk, [one.key for one in batch], reasons])
        if cursor.rowcount != len(batch):
            raise moved()


def _check_partners(keys: Sequence[int]) -> None:
    """What a removed document repeats must stay, or both would be gone."""
    for batch in _batches(keys, size=BATCH):
        kept = Document.objects.filter(pk__in=batch, state=Document.State.KEPT).select_for_update(no_key=True)
        if len(kept.values_list("pk")) != len(batch):
            raise moved()


def put_texts_back(run: CleaningRun) -> None:
    """Give the documents that the run changed the text with which they came in."""
    changed = run.changed_documents.exclude(original_text=None).order_by("pk")
    while documents := list(changed.select_for_update(of=("self",))[:TEXTS_AT_A_TIME]):
        for document in documents:
            _retext(document, text=document.original_text or "", original=None, by=None)
        _save_texts(documents)


def _retext(document: Document, *, text: str, original: str | None, by: CleaningRun | None) -> None:
    document.text, document.original_text, document.changed_by = text, original, by
    document.characters, document.normalised_sha256 = len(text), normalised_sha256(text)


def _save_texts(documents: Sequence[Document]) -> None:
    names = ["text", "original_text", "changed_by", "characters", "normalised_sha256"]
    Document.objects.bulk_update(documents, names)


def _batches(found: Sequence[Any], *, size: int) -> Iterator[Sequence[Any]]:
    return (found[at : at + size] for at in range(0, len(found), size))
