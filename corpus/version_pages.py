"""Pages of one frozen version: what is in it, its rows, its files, and what differs from another one."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.access import WorkspaceRequest, member_page
from accounts.models import Role
from core.api import refuse_unknown_parameters
from core.bars import Bar, Columns, bars_of, grouped_columns, histogram, share_text
from core.errors import Unreadable
from corpus import lineage, version_facts, versions
from corpus.access import version_for, versions_of
from corpus.diffs import Diff, DiffRow, diff
from corpus.models import Dataset, DatasetVersion
from corpus.previews import (
    SPLIT_LABELS,
    Preview,
    between_answers,
    between_rows,
    counts_by_source,
    first_rows,
    labelled_counts,
    preview,
)
from corpus.redactions import RowsErased, last_successor
from corpus.splits import SPLITS, Split
from corpus.version_facts import Facts

MOST_CHOICES = 100
ROWS_SHOWN = 20
ROWS_OF_A_CHANGE = 10
# So many added and removed rows are searched for those of the same prompt.
ROWS_SEARCHED = 50
TABS = {
    "overview": gettext_lazy("Overview"),
    "rows": gettext_lazy("Rows"),
    "files": gettext_lazy("Files and manifest"),
}
PURPOSES = {
    Dataset.Kind.PREFERENCES: gettext_lazy("Pairs of answers, of which people chose one."),
    Dataset.Kind.PROMPTS: gettext_lazy("Prompts for models to answer."),
    Dataset.Kind.DEMONSTRATIONS: gettext_lazy("Prompts with answers that people wrote."),
    Dataset.Kind.CORPUS: gettext_lazy("Texts to pretrain on."),
    Dataset.Kind.LABELS: gettext_lazy("Texts with the labels that people gave them."),
}
SERIES = {
    "prompt": gettext_lazy("Prompt"),
    "chosen": gettext_lazy("Chosen"),
    "rejected": gettext_lazy("Rejected"),
    "completion": gettext_lazy("Answer"),
    "text": gettext_lazy("Text"),
}
LONGEST_POSITION = 15


@member_page(Role.REVIEWER)
@require_safe
def dataset_version(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    refuse_unknown_parameters(request, {"tab", "split", "after", "words"})
    version = version_for(membership=request.membership, uid=uid)
    tab = _one_of(request, "tab", TABS, default="overview")
    files = version.manifest["files"]
    rows = version.train_rows + version.heldout_rows
    context = {
        "version": version,
        "tab": tab,
        "tabs": TABS.items(),
        "purpose": PURPOSES[Dataset.Kind(version.dataset.kind)],
        "rows": rows,
        "bytes": sum(file["bytes"] for file in files),
        "train": f"{100 * version.train_rows / (rows or 1):.1f}%",
        "left": last_successor(version),
        "redacts": getattr(version, "redacts", None),
    }
    parts = {"overview": _overview, "rows": _rows, "files": _files}[tab]
    return render(request, "corpus/dataset_version.html", context | parts(request, version))


def _one_of(request: WorkspaceRequest, name: str, known: Any, *, default: str) -> str:
    value = request.GET.get(name, default)
    if value not in known:
        raise Unreadable(_("There is no such part of this page."), fields={name: _("unknown")})
    return value


def _overview(request: WorkspaceRequest, version: DatasetVersion) -> dict[str, Any]:
    facts = version_facts.facts_of(version)
    node, workspace = ("dataset_version", version.uid), request.membership.workspace
    others = _comparable(request, version)
    return {
        "facts": facts,
        "counts": labelled_counts(version.manifest["counts"]),
        "groups": _groups(version, facts),
        "lengths": _lengths(facts),
        "medians": [(SERIES[name], value) for name, value in facts.medians.items()],
        "heldout_percent": share_text(version.manifest["policy"]["split"]["heldout_share"]),
        "previews": first_rows(version),
        "parents": lineage.ancestors(workspace=workspace, node=node),
        "children": lineage.descendants(workspace=workspace, node=node),
        "others": others,
        "before": _one_before(version, others),
    }


def _groups(version: DatasetVersion, facts: Facts) -> list[tuple[str, list[Bar], bool]]:
    """Titles, bars, and whether they were counted in the first rows only."""
    sources = counts_by_source(version.manifest["counts"])
    sides = [(str(label), rows) for _side, label, rows in _sides(version)]
    is_part = not facts.is_all
    found: list[tuple[str, list[tuple[str, int]], bool]] = [
        (_("Split"), sides, False),
        (_("Sources"), sources or facts.sources, is_part and not sources),
        (_("Labels"), facts.labels, is_part),
        (_("Annotators, by pseudonym"), facts.annotators, is_part),
        (_("Languages"), facts.languages, is_part),
    ]
    return [(title, bars_of(pairs), is_cut) for title, pairs, is_cut in found if pairs]


def _sides(version: DatasetVersion) -> list[tuple[Split, Any, int]]:
    """Each side of the split with its words and its rows."""
    rows = {"train": version.train_rows, "heldout": version.heldout_rows}
    return [(side, SPLIT_LABELS[side], rows[side]) for side in SPLITS]


def _lengths(facts: Facts) -> Columns | None:
    """The texts that were judged or written, side by side; the prompt where there is nothing else."""
    names = [name for name in facts.lengths if name != "prompt"] or list(facts.lengths)
    rows = histogram([facts.lengths[name] for name in names])
    return grouped_columns([str(SERIES[name]) for name in names], rows) if rows else None


def _rows(request: WorkspaceRequest, version: DatasetVersion) -> dict[str, Any]:
    default = "train" if version.train_rows else "heldout"
    split: Split = "train" if _one_of(request, "split", SPLITS, default=default) == "train" else "heldout"
    words = _one_of(request, "words", ("", "on"), default="") == "on"
    count = version.train_rows if split == "train" else version.heldout_rows
    after = _position(request, count)
    try:
        found = versions.rows(version, split=split, after=after, limit=ROWS_SHOWN)
    except RowsErased:
        found = []
    last = after + len(found)
    return {
        "split": split,
        "splits": _sides(version),
        "previews": [
            preview(row, split, number=number, change=between_answers(row) if words else ())
            for number, row in enumerate(found, start=after + 1)
        ],
        "words": words,
        "count": count,
        "first": after + 1,
        "last": last,
        "newer": max(0, after - ROWS_SHOWN) if after else None,
        "older": last if found and last < count else None,
    }


def _position(request: WorkspaceRequest, count: int) -> int:
    text = request.GET.get("after", "0")
    if text.isascii() and text.isdigit() and len(text) <= LONGEST_POSITION and int(text) <= count:
        return int(text)
    raise Unreadable(_("There is no row at that place."), fields={"after": _("unknown")})


def _files(request: WorkspaceRequest, version: DatasetVersion) -> dict[str, Any]:
    text = json.dumps(version.manifest, indent=2, sort_keys=True, ensure_ascii=False)
    return {"manifest_text": text}


def _comparable(request: WorkspaceRequest, version: DatasetVersion) -> list[DatasetVersion]:
    """Versions of the same kind, those of the same data set first."""
    same_kind = versions_of(request.membership).filter(dataset__kind=version.dataset.kind)
    # Rows that were erased cannot be shown: of these versions only what became of them is compared.
    same_kind = same_kind.filter(Q(redacted_at=None) | Q(successor=version))
    if version.redacted_at:
        same_kind = same_kind.filter(redacts=version)
    newest = same_kind.prefetch_related(None).exclude(pk=version.pk).order_by("-pk")[:MOST_CHOICES]
    return sorted(newest, key=lambda other: other.dataset_id != version.dataset_id)


def _one_before(version: DatasetVersion, others: Sequence[DatasetVersion]) -> DatasetVersion | None:
    earlier = (one for one in others if one.dataset_id == version.dataset_id and one.number < version.number)
    return next(earlier, None)


@member_page(Role.REVIEWER)
@require_safe
def version_diff(request: WorkspaceRequest, uid: uuid.UUID) -> HttpResponse:
    """Against `with`, whichever of the two is older."""
    refuse_unknown_parameters(request, {"with"})
    version = version_for(membership=request.membership, uid=uid)
    older, newer = sorted([version, _other(request)], key=lambda one: one.pk)
    found = diff(older=older, newer=newer, limit=ROWS_SEARCHED)
    context = {
        "version": version,
        "diff": found,
        "bars": _bars(found),
        "changes": _changes(found),
        "others": _comparable(request, version),
    }
    return render(request, "corpus/diff.html", context)


def _bars(found: Diff) -> list[Bar]:
    kinds = {
        "3": (_("Added"), found.added),
        "4": (_("Removed"), found.removed),
        "2": (_("Changed"), found.changed),
        "muted": (_("Unchanged"), found.unchanged),
    }
    return [replace(bar, tone=tone) for tone, bar in zip(kinds, bars_of(kinds.values()), strict=True)]


def _other(request: WorkspaceRequest) -> DatasetVersion:
    try:
        uid = uuid.UUID(request.GET.get("with", ""))
    except ValueError as error:
        raise Unreadable(_("Choose a version to compare with."), fields={"with": "unreadable"}) from error
    return version_for(membership=request.membership, uid=uid)


def _changes(found: Diff) -> list[dict[str, Any]]:
    """Changed rows; removed rows with the added ones of the same prompt; then those that stand alone."""
    before = {entry.row["id"]: entry for entry in found.changed_before}
    changed = [
        _changed(before.get(entry.row["id"]), entry) for entry in found.changed_rows[:ROWS_OF_A_CHANGE]
    ]
    replaced, added, removed = _of_one_prompt(found)
    groups = [
        (_("Changed"), "changed", found.changed, changed),
        (_("Another answer to the same prompt"), "replaced", 0, replaced),
        (_("Added"), "added", found.added, [preview(entry.row, entry.split) for entry in added]),
        (_("Removed"), "removed", found.removed, [preview(entry.row, entry.split) for entry in removed]),
    ]
    return [
        {"title": title, "name": name, "count": count, "rows": rows[:ROWS_OF_A_CHANGE]}
        for title, name, count, rows in groups
        if rows
    ]


def _changed(before: DiffRow | None, after: DiffRow) -> Preview:
    change = between_rows(before.row, after.row) if before else ()
    return preview(after.row, after.split, change=change)


def _of_one_prompt(found: Diff) -> tuple[list[Preview], list[DiffRow], list[DiffRow]]:
    """Among the rows that were read: the removed and added ones of one prompt, each once, and the others."""
    waiting: dict[str, list[DiffRow]] = {}
    for entry in found.removed_rows:
        waiting.setdefault(_prompt(entry), []).append(entry)
    pairs, added = [], []
    for entry in found.added_rows:
        same = waiting.get(_prompt(entry)) if entry.row.get("prompt") else None
        if same:
            pairs.append((same.pop(0), entry))
        else:
            added.append(entry)
    paired = {id(older) for older, _newer in pairs}
    removed = [entry for entry in found.removed_rows if id(entry) not in paired]
    return [_changed(older, newer) for older, newer in pairs], added, removed


def _prompt(entry: DiffRow) -> str:
    return json.dumps(entry.row.get("prompt"), sort_keys=True)
