"""The audit in words: what each event was about, by name and with a link while it exists, and its details.

The trail itself holds only a kind and an id, so that it outlives what it speaks of.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import ApiToken, AuditEvent, Invitation, Membership, Workspace
from annotation.models import Annotation, Project
from annotera.models import RewardRule
from corpus.models import DatasetVersion, Erasure, Source
from jobs.models import Job
from production.models import Deployment
from training.models import ModelVersion, TrainingRun

LONGEST = 200
# Ids and hashes say nothing to a reader; they are among the raw values.
ID = re.compile(r"\A(?:[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{40,64})\Z")
# Their values are words of the house, written for programs.
CODES = {"decision", "kind", "lawful_basis", "policy", "reason", "stage", "state", "verdict"}
# They say in the words of the house what the event and the link beside it say already.
QUIET = {"attempt", "job"}
LABELS: dict[str, str | Promise] = {
    "after": gettext_lazy("now"),
    "answered": gettext_lazy("gold answered"),
    "before": gettext_lazy("before"),
    "by": gettext_lazy("by"),
    "file_name": gettext_lazy("file"),
    "heldout": gettext_lazy("held out"),
    "is_active": gettext_lazy("active"),
    "lawful_basis": gettext_lazy("lawful basis"),
    "right": gettext_lazy("right"),
    "rows": gettext_lazy("rows"),
    "sent_back": gettext_lazy("sent back"),
    "tokens_revoked": gettext_lazy("tokens revoked"),
    "train": gettext_lazy("training"),
}


@dataclass(frozen=True)
class Thing:
    """What an event was about. `url` is empty where no page shows it."""

    kind: str
    name: str
    url: str


@dataclass(frozen=True)
class Known:
    """How objects of one kind are found by their ids, named, and reached."""

    word: str | Promise
    find: Callable[[Workspace], QuerySet[Any]]
    name: Callable[[Any], str]
    address: Callable[[Any], tuple[str, list[object]] | None]


def _page(route: str) -> Callable[[Any], tuple[str, list[object]]]:
    return lambda row: (route, [row.uid])


def _in(model: Any, *related: str) -> Callable[[Workspace], QuerySet[Any]]:
    def find(workspace: Workspace) -> QuerySet[Any]:
        found = model.objects.filter(workspace=workspace)
        return found.select_related(*related) if related else found  # type: ignore[no-any-return]

    return find


def _review(answer: Annotation) -> tuple[str, list[object]] | None:
    acceptance = getattr(answer, "acceptance", None)
    return ("review", [acceptance.uid]) if acceptance else None


KNOWN: dict[str, Known] = {
    "annotation": Known(
        gettext_lazy("answer in"),
        _in(Annotation, "project", "acceptance"),
        lambda row: row.project.name,
        _review,
    ),
    "dataset_version": Known(
        gettext_lazy("version"), _in(DatasetVersion, "dataset"), str, _page("dataset-version")
    ),
    "deployment": Known(gettext_lazy("deployment"), _in(Deployment), str, _page("deployment")),
    "erasure": Known(gettext_lazy("erasure"), _in(Erasure), lambda row: "", _page("erasure")),
    "invitation": Known(
        gettext_lazy("invitation"), _in(Invitation), lambda row: row.email, lambda row: ("members", [])
    ),
    "job": Known(gettext_lazy("job"), _in(Job), str, _page("job")),
    "membership": Known(
        gettext_lazy("person"),
        _in(Membership, "user"),
        lambda row: row.user.name,
        lambda row: ("members", []),
    ),
    "model_version": Known(gettext_lazy("model"), _in(ModelVersion), str, _page("model")),
    "project": Known(gettext_lazy("project"), _in(Project), str, _page("project")),
    "reward_rule": Known(
        gettext_lazy("rule of"),
        _in(RewardRule, "project"),
        lambda row: row.project.name,
        lambda row: ("rules", []),
    ),
    "source": Known(gettext_lazy("source"), _in(Source), str, _page("source")),
    "token": Known(gettext_lazy("token"), _in(ApiToken), lambda row: row.name, lambda row: None),
    "training_run": Known(gettext_lazy("run"), _in(TrainingRun), str, _page("run")),
}


@dataclass(frozen=True)
class AuditRow:
    """`details` are pairs of words; `raw` are all of them as they were written.

    `events` are equal but for their time and lie one behind the other; `event` is the newest of them.
    """

    event: AuditEvent
    thing: Thing | None
    details: list[tuple[str, str]]
    raw: list[tuple[str, Any]]
    events: list[AuditEvent]


def in_words(*, workspace: Workspace, events: Sequence[AuditEvent]) -> list[AuditRow]:
    """Newest first; in one query for each kind of object among the events."""
    things = _things(workspace, events)
    rows = []
    for _same, group in groupby(events, key=_deed):
        repeated = list(group)
        event = repeated[0]
        thing = _thing_of(event, things)
        details = _details(event.detail, said=thing.name if thing else "")
        rows.append(AuditRow(event, thing, details, sorted(event.detail.items()), repeated))
    return rows


def _deed(event: AuditEvent) -> tuple[object, ...]:
    """All that a reader sees of an event, without its time."""
    return (
        event.kind,
        event.membership_id,
        event.subject,
        event.object_kind,
        event.object_uid,
        event.address,
        event.detail,
    )


def _things(workspace: Workspace, events: Sequence[AuditEvent]) -> dict[UUID, Thing]:
    wanted: dict[str, set[UUID]] = defaultdict(set)
    for event in events:
        if event.object_uid and event.object_kind in KNOWN:
            wanted[event.object_kind].add(event.object_uid)
    found: dict[UUID, Thing] = {}
    for kind, uids in wanted.items():
        known = KNOWN[kind]
        for row in known.find(workspace).filter(uid__in=uids):
            found[row.uid] = Thing(str(known.word), known.name(row), _url(workspace, known.address(row)))
    return found


def _url(workspace: Workspace, address: tuple[str, list[object]] | None) -> str:
    return reverse(address[0], args=[workspace.slug, *address[1]]) if address else ""


def _thing_of(event: AuditEvent, things: Mapping[UUID, Thing]) -> Thing | None:
    """What is not there any more is told by its kind."""
    if event.object_uid and event.object_uid in things:
        return things[event.object_uid]
    if not event.object_kind:
        return None
    known = KNOWN.get(event.object_kind)
    word = str(known.word) if known else event.object_kind.replace("_", " ")
    return Thing(word, _("not there any more") if event.object_uid else "", "")


def _details(detail: Mapping[str, Any], *, said: str) -> list[tuple[str, str]]:
    """Without `said`, the name of the thing that stands beside them."""
    pairs = (
        (name, _value(value).replace("_", " ") if name in CODES else _value(value))
        for name, value in sorted(detail.items())
        if name not in QUIET and value != said
    )
    return [(_label(name), text) for name, text in pairs if text]


def _label(name: str) -> str:
    return str(LABELS.get(name, name.replace("_", " ")))


def _value(value: Any) -> str:
    """A detail as a reader says it; empty where it says nothing."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if not value:
        return ""
    if isinstance(value, Mapping):
        parts = ((name, _value(part)) for name, part in value.items())
        return ", ".join(f"{_label(str(name))} {part}" for name, part in parts if part)
    if isinstance(value, list):
        return ", ".join(part for part in map(_value, value) if part)
    text = str(value)
    if ID.match(text):
        return ""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"
