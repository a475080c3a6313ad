"""Leases that ran out, and slots that come back to the queue."""

from collections import defaultdict

from django.db import transaction
from django.db.models import F, Func, Value
from django.db.models.functions import Now

from annotation.models import Assignment, Project, Task, WorkEvent

BATCH = 500


def next_queue_key() -> Func:
    """A key past all cursors: whoever asks next meets the task ahead, nobody has to look back for it."""
    return Func(Value("annotation_queue_key"), function="nextval")


def return_slots(*, task_ids: list[int], slots: int) -> None:
    """Give so many slots of each task back and move the tasks to the end of the queue.

    The caller holds locks on the assignments that gave the slots up.
    """
    tasks = Task.objects.filter(pk__in=task_ids)
    tasks.update(open_slots=F("open_slots") + slots, queue_key=next_queue_key())


def expire_leases(*, project: Project | None = None) -> int:
    """End the leases whose time is over, in short transactions; returns how many ended."""
    ended = 0
    while batch := _expire_batch(project):
        ended += batch
        if batch < BATCH:
            break
    return ended


@transaction.atomic
def _expire_batch(project: Project | None) -> int:
    """A lease that somebody is just submitting is locked, hence skipped: the submit wins."""
    over = Assignment.objects.filter(state=Assignment.State.LEASED, lease_until__lt=Now())
    if project:
        over = over.filter(project=project)
    ended = list(over.select_for_update(skip_locked=True).order_by("pk")[:BATCH])
    if not ended:
        return 0
    _return_each(ended)
    expired = Assignment.objects.filter(pk__in=[assignment.pk for assignment in ended])
    expired.update(state=Assignment.State.EXPIRED, lease_until=None)
    WorkEvent.objects.bulk_create([_expired_event(assignment) for assignment in ended])
    return len(ended)


def _return_each(ended: list[Assignment]) -> None:
    slots: dict[int, int] = defaultdict(int)
    for assignment in ended:
        slots[assignment.task_id] += 1
    # Locked in one order, so that two sweeps never wait for each other in a ring.
    list(Task.objects.select_for_update().filter(pk__in=slots).order_by("pk").values_list("pk"))
    for count in set(slots.values()):
        return_slots(task_ids=[task for task, times in slots.items() if times == count], slots=count)


def _expired_event(assignment: Assignment) -> WorkEvent:
    return WorkEvent(
        workspace_id=assignment.workspace_id,
        project_id=assignment.project_id,
        membership_id=assignment.membership_id,
        assignment=assignment,
        kind=WorkEvent.Kind.EXPIRED,
    )
