"""Which answers a release holds: read in one statement, so that it is a snapshot of one moment."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.models import Annotation, Guideline, Project, Standing, Task
from core.errors import Invalid
from corpus.subjects import erased_keys
from qa.models import Acceptance, GoldScore

ROWS_AT_A_TIME = 500
State = Acceptance.State


class Policy(models.TextChoices):
    ACCEPTED = "accepted", gettext_lazy("every accepted answer")
    MAJORITY = "majority", gettext_lazy("the majority of the accepted answers to each task")
    ALL = "all", gettext_lazy("every answer, reviewed or not")


class UnknownPolicy(Invalid):
    """There is no such policy, or not for this kind of project."""


@dataclass(frozen=True)
class Released:
    """An annotation and the answer that counts: the annotator's, or a reviewer's in its place."""

    annotation: Annotation
    answer: Mapping[str, Any]
    annotator: str


@dataclass
class Tally:
    """What one pass over the annotations found; filled while the rows are read.

    `counts` is about what is released, `states` about all current answers to work.
    """

    counts: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    guidelines: dict[int, Guideline] = field(default_factory=dict)

    def note_guideline(self, annotation: Annotation) -> None:
        if annotation.guideline:
            self.guidelines[annotation.guideline.pk] = annotation.guideline


def policies_of(project: Project) -> list[Policy]:
    """The first is the default. Written answers have no majority, labels of one task are one row."""
    if project.kind == Project.Kind.DEMONSTRATION:
        return [Policy.ACCEPTED, Policy.ALL]
    if project.kind == Project.Kind.CLASSIFICATION:
        return [Policy.MAJORITY, Policy.ACCEPTED, Policy.ALL]
    return [Policy.ACCEPTED, Policy.MAJORITY, Policy.ALL]


def checked_policy(project: Project, policy: str) -> Policy:
    """Empty is the default of the project's kind. Raises UnknownPolicy."""
    offered = policies_of(project)
    if not policy:
        return offered[0]
    if policy not in offered:
        names = ", ".join(offer.value for offer in offered)
        sentence = _("The policy must be one of: %(names)s.") % {"names": names}
        raise UnknownPolicy(sentence, fields={"policy": sentence})
    return Policy(policy)


def releasable(project: Project, *, policy: Policy, tally: Tally) -> Iterator[Released]:
    """The answers that the policy releases, by task under the majority; what is left out is counted."""
    return released_of(current_answers(project, policy), project, policy=policy, tally=tally)


def released_of(
    annotations: Iterable[Annotation], project: Project, *, policy: Policy, tally: Tally
) -> Iterator[Released]:
    """Of answers that were read already, by `current_answers`."""
    erased = erased_keys(workspace=project.workspace)
    for annotation in annotations:
        if annotation.task.purpose != Task.Purpose.WORK:
            # Gold and repeated tasks measure people; trained on, they would count twice.
            tally.counts["not_work"] += 1
            continue
        state = "erased" if annotation.subject_key in erased else _state(annotation)
        tally.states[state] += 1
        if state == State.ACCEPTED or (policy == Policy.ALL and state != "erased"):
            tally.counts["annotations"] += 1
            yield _released(annotation, policy)


def current_answers(project: Project, policy: Policy) -> Iterator[Annotation]:
    of_person = {"project": OuterRef("project"), "membership": OuterRef("membership")}
    held = Exists(Standing.objects.filter(**of_person, paused_until__gt=Now())) | Exists(
        GoldScore.objects.filter(**of_person, verdict=GoldScore.Verdict.FAILED)
    )
    found = Annotation.objects.filter(project=project, is_current=True).annotate(is_held=held)
    related = found.select_related("task__body", "membership", "guideline", "acceptance__decided_by")
    order = [F("task_id"), F("pk")] if policy == Policy.MAJORITY else [F("pk")]
    return related.order_by(*order).iterator(chunk_size=ROWS_AT_A_TIME)


def _state(annotation: Annotation) -> str:
    """Work of somebody who failed or is paused is held back, whatever was decided about it before."""
    acceptance = getattr(annotation, "acceptance", None)
    state = acceptance.state if acceptance else State.OPEN.value
    if state == State.ACCEPTED and annotation.is_held:  # type: ignore[attr-defined]
        return "held"
    return str(state)


def _released(annotation: Annotation, policy: Policy) -> Released:
    acceptance = getattr(annotation, "acceptance", None)
    pseudonym = annotation.membership.pseudonym
    if policy == Policy.ALL or acceptance is None or acceptance.fixed_answer is None:
        return Released(annotation, annotation.answer, pseudonym)
    # The judgement is the reviewer's now, and so is the name on it.
    by = acceptance.decided_by
    return Released(annotation, acceptance.fixed_answer, by.pseudonym if by else pseudonym)
