"""Releases what people judged: the current annotations of a project become a frozen dataset version."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Membership
from annotation.kinds import ranking
from annotation.models import Annotation, Guideline, Project, Task
from corpus import shards, versions
from corpus.columns import Row
from corpus.models import DatasetVersion, Source
from corpus.versions import NothingToFreeze, Parent

ROWS_AT_A_TIME = 500
LONGEST_NAME = 120
UNSTATED_LICENCE = "LicenseRef-not-stated"


@dataclass
class Tally:
    """What one pass over the annotations found; filled while the rows are read."""

    counts: Counter[str] = field(default_factory=Counter)
    guidelines: dict[int, Guideline] = field(default_factory=dict)


def release_preferences(
    *,
    project: Project,
    by: Membership | None,
    heldout_share: float = 0.2,
    name: str = "",
    note: str = "",
) -> DatasetVersion:
    """Freeze the pairs that the project's current annotations imply, one row an annotation and pair.

    One statement reads all annotations, so the version is a snapshot of one moment. Ties and answers that
    call every candidate bad are left out and counted. Raises NothingToFreeze, which tells the next step, and
    what `versions.freeze` raises.
    """
    share = versions.checked_share(heldout_share)
    tally = Tally()
    rows = preference_rows(current_annotations(project), tally=tally)
    with shards.written(kind="preferences", rows=rows, heldout_share=share) as written:
        if not written.shards:
            raise NothingToFreeze(nothing_to_freeze(tally.counts))
        versions.store_files(workspace=project.workspace, written=written)
        with transaction.atomic():
            source = source_of(project, by=by)
            return versions.freeze(
                workspace=project.workspace,
                name=name or dataset_name(project),
                written=written,
                counts={key: tally.counts[key] for key in COUNTED},
                parents=parents_of(project, source=source, guidelines=list(tally.guidelines.values())),
                licence=source.licence,
                by=by,
                note=note,
            )


COUNTED = ("annotations", "pairs", "ties", "all_bad", "no_preference", "not_work")


def dataset_name(project: Project) -> str:
    ending = " preferences"
    return f"{project.name[: LONGEST_NAME - len(ending)]}{ending}"


def nothing_to_freeze(counts: Mapping[str, int]) -> str:
    """Why there is no pair, and what to do next."""
    if not counts["annotations"]:
        return _("Nothing was ranked in this project yet. Rank some tasks, then freeze.")
    return _(
        "The %(annotations)d answers hold no preference: "
        "%(ties)d ties, %(all_bad)d times all candidates bad. Rank more tasks, then freeze."
    ) % {name: counts[name] for name in ("annotations", "ties", "all_bad")}


def current_annotations(project: Project) -> Iterator[Annotation]:
    found = Annotation.objects.filter(project=project, is_current=True)
    related = found.select_related("task__body", "membership", "guideline").order_by("id")
    return related.iterator(chunk_size=ROWS_AT_A_TIME)


def preference_rows(annotations: Iterator[Annotation], *, tally: Tally) -> Iterator[Row]:
    """A row for each pair that the annotations imply; what implies none is counted."""
    for annotation in annotations:
        if annotation.task.purpose != Task.Purpose.WORK:
            # Gold and repeated tasks measure people; trained on, they would count twice.
            tally.counts["not_work"] += 1
            continue
        tally.counts["annotations"] += 1
        if annotation.answer["all_bad"]:
            tally.counts["all_bad"] += 1
            continue
        pairs = ranking.pairs(annotation.answer)
        tally.counts["ties"] += len(pairs.ties)
        tally.counts["pairs"] += len(pairs.preferences)
        tally.counts["no_preference"] += not pairs.preferences
        if annotation.guideline and pairs.preferences:
            tally.guidelines[annotation.guideline.pk] = annotation.guideline
        yield from _rows_of(annotation, pairs)


def _rows_of(annotation: Annotation, pairs: ranking.Pairs) -> Iterator[Row]:
    body, answer = annotation.task.body, annotation.answer
    places = {uid: place for place, uid in enumerate(answer["shown_order"])}
    # The person said by how much the best is better: that is about one pair only when there is one.
    margin = answer.get("strength") if len(pairs.preferences) == 1 else None
    for chosen, rejected in pairs.preferences:
        yield {
            "id": f"{annotation.uid}:{places[chosen]}>{places[rejected]}",
            "prompt": [plain(message) for message in body.prompt["messages"]],
            "chosen": [plain(body.candidates[chosen])],
            "rejected": [plain(body.candidates[rejected])],
            "margin": None if margin is None else float(margin),
            "lang": body.prompt.get("lang", ""),
            "task": str(annotation.task.uid),
            "annotation": str(annotation.uid),
            "annotator": annotation.membership.pseudonym,
            "guideline": annotation.guideline.number if annotation.guideline else None,
            "chosen_position": places[chosen],
            "rejected_position": places[rejected],
            "is_simulated": annotation.is_simulated,
            "subject_key": annotation.subject_key,
        }


def plain(message: Mapping[str, Any]) -> dict[str, str]:
    """A message as role and text; its text parts follow one another as paragraphs."""
    texts = [part["text"] for part in message["parts"] if part["type"] == "text"]
    return {"role": message["role"], "content": "\n\n".join(texts)}


def source_of(project: Project, *, by: Membership | None) -> Source:
    """The source that stands for the project's answers under its licence."""
    licence = project.licence or UNSTATED_LICENCE
    source, _created = Source.objects.get_or_create(
        workspace=project.workspace,
        origin=f"project:{project.uid}",
        licence=licence,
        defaults={
            "name": f"Answers of {project.name[:50]} ({project.uid.hex[-8:]}, {licence[:40]})",
            "lawful_basis": project.lawful_basis,
            "created_by": by,
        },
    )
    return source


def parents_of(project: Project, *, source: Source, guidelines: list[Guideline]) -> list[Parent]:
    parents = [
        Parent(kind="project", uid=project.uid, role="annotations"),
        Parent(kind="source", uid=source.uid, role="source"),
    ]
    return parents + [Parent(kind="guideline", uid=row.uid, role="guideline") for row in guidelines]
