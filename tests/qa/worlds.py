"""Small worlds for the tests of quality assurance: people who answer as told, gold, and empty inboxes."""

from collections.abc import Callable
from typing import Any

from accounts.models import Membership
from annotation.emptiness import Nothing
from annotation.kinds import kind_of
from annotation.models import Annotation, Assignment, Candidate, Project, Task
from annotation.queue import hand_out
from annotation.rules import rules_for
from annotation.submissions import submit
from qa import gold
from qa.models import Acceptance

Order = Callable[[Assignment], list[list[str]]]


def own_order(assignment: Assignment) -> list[str]:
    """The candidates in the order of the file, whatever the order on the screen."""
    placed = Candidate.objects.filter(task_id=assignment.task_id).order_by("position")
    return [str(uid) for uid in placed.values_list("uid", flat=True)]


def file_order(assignment: Assignment) -> list[list[str]]:
    return [[uid] for uid in own_order(assignment)]


def turned_round(assignment: Assignment) -> list[list[str]]:
    return [[uid] for uid in reversed(own_order(assignment))]


def first_shown(assignment: Assignment) -> list[list[str]]:
    return [[str(uid)] for uid in assignment.shown_order]


def answer_of(assignment: Assignment, value: dict[str, Any]) -> Any:
    return kind_of(assignment.project.kind).parse_answer(value, rules=rules_for(assignment))


def take(project: Project, by: Membership) -> Assignment:
    handed = hand_out(membership=by, project=project)
    assert not isinstance(handed, Nothing), handed
    return handed.assignment


def rank(
    project: Project, by: Membership, order: Order = file_order, *, active_ms: int = 9_000, **values: Any
) -> Annotation:
    """One person ranks the next task in this order."""
    assignment = take(project, by)
    return put(assignment, {"ranking": order(assignment), **values}, active_ms=active_ms)


def put(assignment: Assignment, value: dict[str, Any], *, active_ms: int = 9_000) -> Annotation:
    Assignment.objects.filter(pk=assignment.pk).update(opened_at="2026-01-01T00:00Z")
    receipt = submit(assignment=assignment, answer=answer_of(assignment, value), active_ms=active_ms)
    return Annotation.objects.get(uid=receipt.uid)


def label(project: Project, by: Membership, *labels: str) -> Annotation:
    return put(take(project, by), {"labels": list(labels)})


def add_gold(project: Project, count: int, *, by: Membership, candidates: int = 2) -> list[Any]:
    """Gold whose known answer is the order of the file."""
    records = [
        {
            "prompt": f"Question {number + 500}?",
            "candidates": [f"Answer {place} to {number + 500}" for place in range(candidates)],
            "gold": {"ranking": [[place] for place in range(candidates)]},
        }
        for number in range(count)
    ]
    return gold.import_gold(project=project, records=records, by=by)


def is_gold(assignment: Assignment) -> bool:
    return Task.objects.get(pk=assignment.task_id).purpose == Task.Purpose.GOLD


def work_off(
    project: Project, by: Membership, order: Order = file_order, *, on_gold: Order | None = None
) -> int:
    """The person works until nothing comes any more; returns how many were gold."""
    met = 0
    while not isinstance(handed := hand_out(membership=by, project=project), Nothing):
        assignment = handed.assignment
        gold_now = is_gold(assignment)
        met += gold_now
        chosen = on_gold if gold_now and on_gold else order
        put(assignment, {"ranking": chosen(assignment)})
    return met


def acceptance_of(annotation: Annotation) -> Acceptance:
    return Acceptance.objects.get(annotation=annotation)


def state_of(annotation: Annotation) -> tuple[str, list[str]]:
    found = acceptance_of(annotation)
    return found.state, found.reasons
