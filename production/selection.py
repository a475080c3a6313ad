"""Which outputs go back to annotators, why, and with which probability.

Everything that feedback speaks against goes back: probability 1. Of the rest a share does, the floor, so that
the sample also tells of what nobody complained about. Chance is drawn once for each output and project, as a
number made from their ids: asking again gives no output a second chance, so the probability stays what it is
written to be. A limit only delays; what is left over comes with the next call.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from django.db.models import Exists, OuterRef, Q, QuerySet

from annotation.models import Project
from corpus.subjects import erased_keys
from production.generation import SECOND_TO
from production.models import Deployment, Feedback, Harvest, Output

LOW_SCORE = 0.5
# Older outputs than these are not looked at for the random share.
MOST_CONSIDERED = 50_000
SCALE = 2**64

# In the order of what they tell: an output with several gets the first.
AGAINST = {
    Harvest.Reason.CORRECTED: Q(kind=Feedback.Kind.CORRECTION),
    Harvest.Reason.PREFERENCE: Q(kind=Feedback.Kind.PREFERENCE, value__chosen="other"),
    Harvest.Reason.THUMB_DOWN: Q(kind=Feedback.Kind.THUMB, value__up=False),
    Harvest.Reason.LOW_SCORE: Q(kind=Feedback.Kind.SCORE, value__score__lt=LOW_SCORE),
}


@dataclass(frozen=True)
class Chosen:
    output: Output
    reason: Harvest.Reason
    probability: float


def share_of(*, project: Project, output_uid: object, seed: int | None) -> float:
    """The number from 0 to 1 that decides about this output in this project."""
    name = f"{project.uid}:{output_uid}:{'' if seed is None else seed}"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / SCALE


def open_outputs(project: Project, deployment: Deployment | None = None) -> QuerySet[Output]:
    """What may still go back to this project: not sent before, not erased, not itself a second answer."""
    sent = Harvest.objects.filter(output=OuterRef("pk"), project=project)
    found = Output.objects.filter(
        ~Exists(sent), ~Q(settings__has_key=SECOND_TO), workspace_id=project.workspace_id, erased_at=None
    )
    found = found.filter(Q(subject_key=None) | ~Q(subject_key__in=erased_keys(workspace=project.workspace)))
    if project.kind == Project.Kind.RANKING:
        # Others would wait for an answer that never comes, and keep those behind them waiting.
        found = found.filter(can_be_compared())
    if deployment is not None:
        found = found.filter(deployment=deployment)
    return found.select_related("workspace", "deployment__workspace", "model")


def can_be_compared() -> Q:
    """There is a better text already, or a model that can write a second one."""
    better = Feedback.objects.filter(
        output=OuterRef("pk"), kind__in=[Feedback.Kind.CORRECTION, Feedback.Kind.PREFERENCE]
    )
    answering = Deployment.objects.filter(
        workspace=OuterRef("workspace"), name=OuterRef("deployment__name"), state=Deployment.State.ACTIVE
    )
    return Q(Exists(better)) | Q(Exists(answering))


def choose(
    *, project: Project, deployment: Deployment | None, floor: float, limit: int, seed: int | None
) -> list[Chosen]:
    """At most `limit`: first what feedback speaks against, then the random share, the oldest first."""
    chosen = list(islice(_spoken_against(project, deployment), limit))
    room = limit - len(chosen)
    if room > 0 and floor > 0:
        known = {found.output.pk for found in chosen}
        chosen += _at_random(project, deployment, floor=floor, room=room, seed=seed, known=known)
    return chosen


def _spoken_against(project: Project, deployment: Deployment | None) -> Iterator[Chosen]:
    seen: set[int] = set()
    for reason, condition in AGAINST.items():
        said = Feedback.objects.filter(condition, output=OuterRef("pk"))
        for output in open_outputs(project, deployment).filter(Exists(said)).order_by("pk").iterator():
            if output.pk not in seen:
                seen.add(output.pk)
                yield Chosen(output, reason, 1.0)


def _at_random(
    project: Project,
    deployment: Deployment | None,
    *,
    floor: float,
    room: int,
    seed: int | None,
    known: set[int],
) -> list[Chosen]:
    considered = open_outputs(project, deployment).order_by("-pk").values_list("pk", "uid")[:MOST_CONSIDERED]
    drawn = [
        pk
        for pk, uid in considered
        if pk not in known and share_of(project=project, output_uid=uid, seed=seed) < floor
    ]
    found = open_outputs(project, deployment).filter(pk__in=sorted(drawn)[:room]).order_by("pk")
    return [Chosen(output, Harvest.Reason.RANDOM, floor) for output in found]
