"""The inbox of quality assurance: every annotation passes here once, on its way from submitted to releasable.

An annotation that nobody has checked has `checked_at IS NULL`. Gold feeds the person's test. Work is accepted
by policy at once, unless there is a reason for a person to look: the annotator flagged it, failed the gold
tasks or is paused, it was mended after a review, or, once the last wanted answer of the task is in, others
contradict it.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from annotation.models import Annotation, Project, Standing, Task
from qa.comparing import COMPARABLE, disagreement
from qa.judging import judge_gold
from qa.locks import lock_project
from qa.models import Acceptance, GoldScore
from qa.risks import risk_of

BATCH = 500
# The planner must come through the small index of the inbox, not through all annotations of the project.
WAITING = """
    WITH inbox AS MATERIALIZED (
        SELECT id, project_id FROM annotation_annotation WHERE checked_at IS NULL
    )
    SELECT id FROM inbox WHERE project_id = %s ORDER BY id LIMIT %s
"""
PROJECTS = """
    SELECT DISTINCT project_id FROM (
        SELECT id, project_id FROM annotation_annotation WHERE checked_at IS NULL ORDER BY id LIMIT %s
    ) first ORDER BY project_id
"""


def take(*, limit: int = BATCH) -> int:
    """Take the oldest annotations of the inbox, about so many; returns how many were checked."""
    with connection.cursor() as cursor:
        cursor.execute(PROJECTS, [limit])
        projects = [row[0] for row in cursor.fetchall()]
    taken = 0
    for project_id in projects:
        if taken >= limit:
            break
        taken += _take_batch(project_id, limit - taken)
    return taken


def take_all(*, project: Project) -> int:
    """Empty the inbox of one project, so that what is shown or released next rests on every answer."""
    taken = 0
    while batch := _take_batch(project.pk, BATCH):
        taken += batch
    return taken


def take_some(*, project: Project) -> int:
    """One batch, so that a page shows what just came in and waits for no more."""
    return _take_batch(project.pk, BATCH)


@transaction.atomic
def _take_batch(project_id: int, limit: int) -> int:
    """Under the project's lock: of two at once the second finds what the first one decided."""
    lock_project(project_id)
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [project_id, limit])
        keys = [row[0] for row in cursor.fetchall()]
    if not keys:
        return 0
    project = Project.objects.select_related("workspace").get(pk=project_id)
    found = Annotation.objects.filter(pk__in=keys).select_related("task", "membership__workspace")
    annotations = list(found.order_by("pk"))
    purposes: dict[str, list[Annotation]] = defaultdict(list)
    for annotation in annotations:
        purposes[annotation.task.purpose].append(annotation)
    failed = judge_gold(project=project, annotations=purposes[Task.Purpose.GOLD])
    _accept(project, purposes[Task.Purpose.WORK])
    for membership_id in failed:
        judge_again(project, membership_id)
    # Last, so that nobody who corrects an answer waits for more than this statement.
    Annotation.objects.filter(pk__in=keys).update(checked_at=timezone.now())
    return len(keys)


def held_members(project: Project) -> set[int]:
    """Whose work is held back: paused, or failed on gold and not let go on."""
    paused = Standing.objects.filter(project=project, paused_until__gt=timezone.now())
    failed = GoldScore.objects.filter(project=project, verdict=GoldScore.Verdict.FAILED)
    return {*paused.values_list("membership_id", flat=True), *failed.values_list("membership_id", flat=True)}


def _accept(project: Project, annotations: Sequence[Annotation]) -> None:
    if not annotations:
        return
    held, reviewed = held_members(project), _reviewed_before(annotations)
    made = []
    for annotation in annotations:
        reasons = _reasons(annotation, held, reviewed)
        made.append(
            Acceptance(
                workspace_id=project.workspace_id,
                project=project,
                annotation=annotation,
                state=Acceptance.State.OPEN if reasons else Acceptance.State.ACCEPTED,
                reasons=reasons,
                risk=risk_of(reasons),
            )
        )
    Acceptance.objects.bulk_create(made, ignore_conflicts=True)
    judge_tasks(project, {annotation.task_id for annotation in annotations if annotation.task.overlap > 1})


def _reasons(annotation: Annotation, held: Collection[int], reviewed: Collection[int]) -> list[str]:
    given = {
        "gold": annotation.membership_id in held,
        "flag": bool(annotation.answer.get("flags")),
        "revised": annotation.assignment_id in reviewed,
    }
    return [reason for reason, holds in given.items() if holds]


def _reviewed_before(annotations: Sequence[Annotation]) -> set[int]:
    """Assignments of which a person has decided an earlier revision: the next one is for a person, too."""
    mended = {annotation.assignment_id for annotation in annotations if annotation.revision > 1}
    decided = Acceptance.objects.filter(annotation__assignment__in=mended, decided_by__isnull=False)
    return set(decided.values_list("annotation__assignment_id", flat=True))


def judge_tasks(project: Project, task_ids: Collection[int]) -> None:
    """Look for disagreement on the tasks whose last wanted answer is in; nothing that a person decided moves.

    A correction can end a disagreement too: then the reason is taken away again. Answers of people who are
    held back, and those that were rejected, speak against nobody.
    """
    if project.kind not in COMPARABLE or not task_ids:
        return
    judged: dict[int, tuple[bool, float]] = {}
    for annotations in _complete(project, task_ids):
        answers = disagreement(project.kind, [annotation.answer for annotation in annotations])
        judged |= {annotation.pk: found for annotation, found in zip(annotations, answers, strict=True)}
    undecided = Acceptance.objects.filter(
        Q(state=Acceptance.State.OPEN) | Q(state=Acceptance.State.ACCEPTED, decided_by__isnull=True),
        annotation__in=judged,
    )
    changed = [
        acceptance
        for acceptance in undecided.select_for_update(of=("self",)).order_by("pk")
        if _settle(acceptance, *judged[acceptance.annotation_id])
    ]
    Acceptance.objects.bulk_update(changed, ["state", "reasons", "risk"], batch_size=BATCH)


def judge_again(project: Project, membership_id: int) -> None:
    """After somebody's answers stopped or started to count: the tasks on which they met others."""
    met = Annotation.objects.filter(
        project=project,
        membership=membership_id,
        is_current=True,
        task__overlap__gt=1,
        task__purpose=Task.Purpose.WORK,
    )
    judge_tasks(project, set(met.values_list("task_id", flat=True)))


def _complete(project: Project, task_ids: Collection[int]) -> list[list[Annotation]]:
    tasks: dict[int, list[Annotation]] = defaultdict(list)
    current = Annotation.objects.filter(task__in=task_ids, is_current=True)
    for annotation in current.select_related("task", "acceptance").order_by("task_id", "pk"):
        tasks[annotation.task_id].append(annotation)
    held = held_members(project)
    return [
        [annotation for annotation in found if _speaks(annotation, held)]
        for found in tasks.values()
        if len(found) >= found[0].task.overlap
    ]


def _speaks(annotation: Annotation, held: Collection[int]) -> bool:
    acceptance = getattr(annotation, "acceptance", None)
    is_rejected = acceptance is not None and acceptance.state == Acceptance.State.REJECTED
    return annotation.membership_id not in held and not is_rejected


def _settle(acceptance: Acceptance, is_outvoted: bool, contradicted: float) -> bool:
    """Put the judgement into the acceptance; False where it says so already."""
    reasons = [reason for reason in acceptance.reasons if reason != "disagreement"]
    if is_outvoted:
        reasons.append("disagreement")
    risk = risk_of(reasons, contradicted=contradicted if is_outvoted else 0.0)
    if reasons == acceptance.reasons and risk == acceptance.risk:
        return False
    acceptance.reasons, acceptance.risk = reasons, risk
    acceptance.state = Acceptance.State.OPEN if reasons else Acceptance.State.ACCEPTED
    return True
