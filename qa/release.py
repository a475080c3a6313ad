"""Releases what people judged: under a stated policy the answers of a project become a frozen version."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import AuditEvent, Membership
from annotation.models import Guideline, Project
from corpus import shards, versions
from corpus.models import DatasetVersion, Source
from corpus.versions import NothingToFreeze, Parent
from qa import inbox
from qa.releasable import Policy, Tally, checked_policy, releasable
from qa.released_rows import rows_for

LONGEST_NAME = 120
UNSTATED_LICENCE = "LicenseRef-not-stated"
DATASET_KINDS = {
    Project.Kind.RANKING.value: "preferences",
    Project.Kind.DEMONSTRATION.value: "demonstrations",
    Project.Kind.CLASSIFICATION.value: "labels",
}
COUNTED = {
    "preferences": ("annotations", "pairs", "ties", "all_bad", "no_preference", "not_work"),
    "demonstrations": ("annotations", "not_work"),
    "labels": ("annotations", "no_majority", "not_work"),
}
STATES = ("accepted", "open", "rejected", "sent_back", "held", "erased")


class WrongKind(versions.DatasetKindDiffers):
    """The project asks for another kind of answers."""


def release(
    *,
    project: Project,
    by: Membership | None,
    heldout_share: float = 0.2,
    name: str = "",
    note: str = "",
    policy: str = "",
) -> DatasetVersion:
    """Freeze the answers that the policy releases; an empty policy is the default of the project's kind.

    `accepted`: answers that were accepted, with those that a reviewer mended in their mended form, a row an
    answer (and pair, of rankings). `majority`: a row a task (and pair) where more than half of the accepted
    answers agree. `all`: every answer, reviewed or not. Work of people who failed the gold tasks or are
    paused is released under `all` only. The inbox is emptied first. One statement reads the answers, so the
    version is a snapshot of one moment; the manifest holds the policy and what it left out.
    Raises NothingToFreeze, which tells the next step, UnknownPolicy, and what `versions.freeze` raises.
    """
    share = versions.checked_share(heldout_share)
    chosen = checked_policy(project, policy)
    inbox.take_all(project=project)
    tally, kind = Tally(), DATASET_KINDS[project.kind]
    rows = rows_for(project, chosen)(releasable(project, policy=chosen, tally=tally), tally)
    with shards.written(kind=kind, rows=rows, heldout_share=share) as written:
        if not written.shards:
            raise NothingToFreeze(nothing_to_freeze(tally))
        versions.store_files(workspace=project.workspace, written=written)
        with transaction.atomic():
            source = source_of(project, by=by)
            version = versions.freeze(
                workspace=project.workspace,
                name=name or dataset_name(project),
                written=written,
                counts={key: tally.counts[key] for key in COUNTED[kind]},
                parents=parents_of(project, source=source, guidelines=list(tally.guidelines.values())),
                licence=source.licence,
                by=by,
                note=note,
                policy={"release": stated(chosen, tally)},
            )
            _audit(project, version, by=by)
    return version


def release_preferences(*, project: Project, by: Membership | None, **values: Any) -> DatasetVersion:
    """`release` of a ranking project, which holds pairs; raises WrongKind for another."""
    return _release_of(Project.Kind.RANKING, project, by, values)


def release_demonstrations(*, project: Project, by: Membership | None, **values: Any) -> DatasetVersion:
    """`release` of a project of written answers."""
    return _release_of(Project.Kind.DEMONSTRATION, project, by, values)


def release_labels(*, project: Project, by: Membership | None, **values: Any) -> DatasetVersion:
    """`release` of a classification, by default the majority of each task."""
    return _release_of(Project.Kind.CLASSIFICATION, project, by, values)


def _release_of(
    kind: Project.Kind, project: Project, by: Membership | None, values: Mapping[str, Any]
) -> DatasetVersion:
    if project.kind != kind:
        raise WrongKind(
            _("The project “%(name)s” asks for %(kind)s.")
            % {"name": project.name, "kind": project.get_kind_display()}
        )
    return release(project=project, by=by, **values)


def stated(policy: Policy, tally: Tally) -> dict[str, Any]:
    """What the manifest says of the choice: how many current answers were in each state at that moment."""
    return {"policy": policy.value, **{state: tally.states[state] for state in STATES}}


def dataset_name(project: Project) -> str:
    ending = f" {DATASET_KINDS[project.kind]}"
    return f"{project.name[: LONGEST_NAME - len(ending)]}{ending}"


def nothing_to_freeze(tally: Tally) -> str:
    """Why there is no row, and what to do next."""
    if not sum(tally.states.values()):
        return _("Nothing was answered in this project yet. Rank some tasks, then freeze.")
    if not tally.counts["annotations"]:
        return _(
            "None of the %(all)d answers is accepted: %(open)d wait for a review, %(held)d are of people who "
            "are paused. Review them, then freeze."
        ) % {
            "all": sum(tally.states.values()),
            "open": tally.states["open"] + tally.states["sent_back"],
            "held": tally.states["held"],
        }
    return _(
        "The %(annotations)d answers hold nothing to freeze: "
        "%(ties)d ties, %(all_bad)d times all candidates bad. Answer more tasks, then freeze."
    ) % {name: tally.counts[name] for name in ("annotations", "ties", "all_bad")}


def source_of(project: Project, *, by: Membership | None) -> Source:
    """The source that stands for the project's answers under its licence."""
    licence = project.licence or UNSTATED_LICENCE
    source, _created = Source.objects.get_or_create(
        workspace=project.workspace,
        origin=f"project:{project.uid}",
        licence=licence,
        defaults={
            "name": _source_name(project, licence),
            "lawful_basis": project.lawful_basis,
            "created_by": by,
        },
    )
    return source


def _source_name(project: Project, licence: str) -> str:
    """With more behind it where the name is taken: a project can have a source for each licence."""
    name = f"Answers of {project.name[:50]}"
    longer = f"{name} ({project.uid.hex[-8:]}, {licence[:40]})"
    taken = Source.objects.filter(workspace=project.workspace, name=name).exists()
    return longer if taken else name


def parents_of(project: Project, *, source: Source, guidelines: Sequence[Guideline]) -> list[Parent]:
    parents = [
        Parent(kind="project", uid=project.uid, role="annotations"),
        Parent(kind="source", uid=source.uid, role="source"),
    ]
    return parents + [Parent(kind="guideline", uid=row.uid, role="guideline") for row in guidelines]


def _audit(project: Project, version: DatasetVersion, *, by: Membership | None) -> None:
    record(
        kind=AuditEvent.Kind.RELEASED,
        workspace=project.workspace,
        membership=by,
        object_kind="project",
        object_uid=project.uid,
        version=str(version.uid),
        **version.manifest["policy"]["release"],
    )
