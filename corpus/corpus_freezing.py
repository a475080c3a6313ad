"""Kept documents of some sources become a frozen version: a corpus to pretrain on, or prompts."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Membership, Workspace
from core.errors import Invalid
from corpus import shards, versions
from corpus.columns import Row
from corpus.licences import all_of
from corpus.models import DatasetVersion, Document, Source
from corpus.preference_imports import checked_name
from corpus.sources import check_not_expired
from jobs.launching import enqueue
from jobs.models import Job, Queue

JOB_KIND = "corpus.freeze"
KINDS = ("corpus", "prompts")
ROWS_AT_A_TIME = 100
MOST_IN_A_REQUEST = 20_000
LONGEST_NOTE = 500


@dataclass
class Tally:
    """What one pass over the documents found."""

    by_source: dict[str, int] = field(default_factory=dict)

    def note(self, source: Source) -> None:
        self.by_source[source.name] = self.by_source.get(source.name, 0) + 1


def freeze_corpus(
    *,
    workspace: Workspace,
    by: Membership | None,
    sources: Sequence[Source],
    name: str,
    heldout_share: float = 0.1,
    note: str = "",
) -> DatasetVersion:
    """The kept documents as texts, each with the name of its source.

    Raises SourceExpired for a source past its retention, Invalid, and what `versions.freeze` raises.
    """
    return _freeze(
        "corpus", _text_row,
        workspace=workspace, by=by, sources=sources, name=name, heldout_share=heldout_share, note=note,
    )  # fmt: skip


def freeze_prompts(
    *,
    workspace: Workspace,
    by: Membership | None,
    sources: Sequence[Source],
    name: str,
    heldout_share: float = 0.1,
    note: str = "",
) -> DatasetVersion:
    """The kept documents as prompts: each text is one message of a user. Raises as `freeze_corpus`."""
    return _freeze(
        "prompts", _prompt_row,
        workspace=workspace, by=by, sources=sources, name=name, heldout_share=heldout_share, note=note,
    )  # fmt: skip


def freeze_or_enqueue(
    *,
    kind: str,
    workspace: Workspace,
    by: Membership,
    sources: Sequence[Source],
    name: str,
    heldout_share: float = 0.1,
    note: str = "",
) -> DatasetVersion | Job:
    """The new version, or the job that makes it where there is much to read. Raises as `freeze_corpus`."""
    make = {"corpus": freeze_corpus, "prompts": freeze_prompts}.get(kind)
    if make is None:
        raise Invalid(_("Choose corpus or prompts."), fields={"kind": _("unknown")})
    _check(sources, name=name, heldout_share=heldout_share, note=note)
    kept = Document.objects.filter(source__in=list(sources), state=Document.State.KEPT)
    if kept[: MOST_IN_A_REQUEST + 1].count() <= MOST_IN_A_REQUEST:
        return make(
            workspace=workspace, by=by, sources=sources, name=name, heldout_share=heldout_share, note=note
        )
    payload = {
        "kind": kind,
        "sources": [str(source.uid) for source in sources],
        "by": str(by.uid),
        "name": name,
        "heldout_share": heldout_share,
        "note": note,
    }
    with transaction.atomic():
        return enqueue(
            workspace=workspace,
            kind=JOB_KIND,
            queue=Queue.LIGHT,
            title=_("Freeze %(name)s") % {"name": name},
            payload=payload,
            created_by=by,
        )


def chosen_sources(known: QuerySet[Source], uids: Sequence[str]) -> list[Source]:
    """The sources with these ids among those that the caller may use; raises Invalid for any other id."""
    wanted = {_as_uid(text) for text in uids}
    found = list(known.filter(uid__in=wanted - {None}))
    if len(found) != len(wanted):
        message = _("There is no such source in this workspace.")
        raise Invalid(message, fields={"sources": message})
    return found


def _as_uid(text: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _check(sources: Sequence[Source], *, name: str, heldout_share: float, note: str) -> str:
    if not sources:
        raise Invalid(_("Choose at least one source."), fields={"sources": _("Choose at least one source.")})
    for source in sources:
        check_not_expired(source)
    if len(note) > LONGEST_NOTE:
        message = _("At most %(longest)d characters.") % {"longest": LONGEST_NOTE}
        raise Invalid(message, fields={"note": message})
    versions.checked_share(heldout_share)
    return checked_name(name)


def _freeze(
    kind: str,
    row_of: Callable[[Document, Source], Row],
    *,
    workspace: Workspace,
    by: Membership | None,
    sources: Sequence[Source],
    name: str,
    heldout_share: float,
    note: str,
) -> DatasetVersion:
    chosen = sorted({source.pk: source for source in sources}.values(), key=lambda source: source.pk)
    name = _check(chosen, name=name, heldout_share=heldout_share, note=note)
    tally = Tally()
    rows = _rows(chosen, row_of, tally=tally)
    with shards.written(kind=kind, rows=rows, heldout_share=heldout_share) as written:
        if not written.shards:
            raise versions.NothingToFreeze(
                _("These sources have no document that is kept: upload some first.")
            )
        versions.store_files(workspace=workspace, written=written)
        counts = {f"source:{name}": count for name, count in tally.by_source.items()}
        return versions.freeze(
            workspace=workspace,
            name=name,
            written=written,
            counts={"documents": sum(tally.by_source.values()), **counts},
            parents=[versions.Parent(kind="source", uid=source.uid, role="source") for source in chosen],
            licence=all_of([source.licence for source in chosen]),
            by=by,
            note=note,
        )


def _rows(
    sources: Sequence[Source], row_of: Callable[[Document, Source], Row], *, tally: Tally
) -> Iterator[Row]:
    """The kept documents, source by source, in the order in which they came in."""
    for source in sources:
        kept = Document.objects.filter(source=source, state=Document.State.KEPT).order_by("pk")
        needed = kept.only("uid", "text", "lang", "subject_key")
        for document in needed.iterator(chunk_size=ROWS_AT_A_TIME):
            tally.note(source)
            yield row_of(document, source)


def _text_row(document: Document, source: Source) -> Row:
    return {
        "id": str(document.uid),
        "text": document.text,
        "lang": document.lang,
        "source": source.name,
        "subject_key": document.subject_key,
    }


def _prompt_row(document: Document, source: Source) -> Row:
    return {
        "id": str(document.uid),
        "prompt": [{"role": "user", "content": document.text}],
        "lang": document.lang,
        "source": source.name,
        "subject_key": document.subject_key,
    }
