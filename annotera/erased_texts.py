"""Erasing what the tables hold of a person: the texts go, the rows with their ids, times and figures stay.

Every step finds its rows by the person's key and may run again: a row that was emptied is emptied once more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.models import IdempotencyKey, Workspace
from annotation.models import Annotation, Assignment, Candidate, Task, TaskBody
from corpus.models import Document
from production.models import Feedback, Harvest, Output
from qa.models import Acceptance, Gold

BATCH = 200
ERASED = "[erased]"
# Of an answer only what is no text stays: orders, marks and chosen labels.
KEPT_OF_ANSWERS = {"schema", "shown_order", "ranking", "unranked", "all_bad", "strength", "aspects", "labels"}
OPEN_ASSIGNMENTS = (Assignment.State.LEASED, Assignment.State.RETURNED)


@dataclass(frozen=True)
class Subject:
    """The person who is erased. `pause` is called between batches and raises when the work must stop."""

    workspace: Workspace
    key: str
    pause: Callable[[], object] = lambda: None


def erase_texts(subject: Subject) -> None:
    """Outputs before tasks: what went back to annotators is found by the output that it came from."""
    for output_ids in _batches(subject, _outputs(subject)):
        _erase_outputs(subject, output_ids)
    for task_ids in _batches(subject, _tasks(subject)):
        _erase_tasks(subject, task_ids)
    for annotation_ids in _batches(subject, _annotations(subject)):
        _erase_annotations(annotation_ids)
    for document_ids in _batches(subject, _documents(subject)):
        _erase_documents(document_ids)


def counted(subject: Subject) -> dict[str, int]:
    """How many rows of each kind the person's key leads to; the same after a second run."""
    outputs = _outputs(subject)
    return {
        "documents": _documents(subject).count(),
        "tasks": TaskBody.objects.filter(subject_key=subject.key).count(),
        "annotations": _annotations(subject).count(),
        "outputs": outputs.count(),
        "feedback": Feedback.objects.filter(output__in=outputs).count(),
    }


def _batches(subject: Subject, rows: QuerySet[Any]) -> Iterator[list[int]]:
    """The keys of all rows, a batch at a time, without a transaction that stays open meanwhile."""
    last = 0
    while True:
        subject.pause()
        keys = list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not keys:
            return
        yield keys
        last = keys[-1]


def _documents(subject: Subject) -> QuerySet[Document]:
    return Document.objects.filter(workspace=subject.workspace, subject_key=subject.key)


def _erase_documents(ids: list[int]) -> None:
    Document.objects.filter(pk__in=ids).update(
        text="",
        original_text=None,
        external_id="",
        characters=0,
        # A hash of a short text tells the text to whoever guesses it.
        sha256="",
        normalised_sha256="",
        findings={},
        removal=None,
        removed_by=None,
        changed_by=None,
        state=Document.State.ERASED,
    )


def _tasks(subject: Subject) -> QuerySet[TaskBody]:
    harvested = Harvest.objects.filter(workspace=subject.workspace, output__subject_key=subject.key).values(
        "task"
    )
    ours = TaskBody.objects.filter(task__workspace=subject.workspace)
    return ours.filter(Q(subject_key=subject.key) | Q(task__in=harvested))


def _erase_tasks(subject: Subject, ids: list[int]) -> None:
    # Committed first: from now on nobody gets one of these tasks into the hands.
    Task.objects.filter(pk__in=ids).update(open_slots=0)
    with transaction.atomic():
        _close_assignments(Assignment.objects.filter(task__in=ids))
        # A lease that ran out in between gave its slot back.
        Task.objects.filter(pk__in=ids).update(open_slots=0, external_id="")
        for body in TaskBody.objects.select_for_update().filter(pk__in=ids).order_by("pk"):
            body.prompt = {"schema": 1, "lang": "", "messages": [_message("user")]}
            body.candidates = {uid: {**_message("assistant"), "lang": ""} for uid in body.candidates}
            body.subject_key = subject.key
            body.save(update_fields=["prompt", "candidates", "subject_key"])
        Candidate.objects.filter(task__in=ids).update(source={})
        Gold.objects.filter(task__in=ids).update(explanation="")
        answers = Annotation.objects.filter(task__in=ids)
        answers.update(subject_key=subject.key)
        _erase_annotations(list(answers.values_list("pk", flat=True)))


def _message(role: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "text": ERASED}]}


def _close_assignments(found: QuerySet[Assignment]) -> None:
    """Drafts go. The next version number refuses a draft that is still on somebody's screen."""
    held = found.select_for_update().order_by("pk")
    keys = list(held.values_list("pk", flat=True))
    closed = Assignment.objects.filter(pk__in=keys)
    closed.update(draft=None, draft_version=F("draft_version") + 1, skip_reason="", return_note="")
    closed.filter(state__in=OPEN_ASSIGNMENTS).update(state=Assignment.State.EXPIRED, lease_until=None)


def _annotations(subject: Subject) -> QuerySet[Annotation]:
    return Annotation.objects.filter(workspace=subject.workspace, subject_key=subject.key)


@transaction.atomic
def _erase_annotations(ids: list[int]) -> None:
    """They stop being current: no release, export or measurement reads them again."""
    for annotation in Annotation.objects.select_for_update().filter(pk__in=ids).order_by("pk"):
        annotation.answer = without_texts(annotation.answer)
        annotation.is_current = False
        annotation.checked_at = annotation.checked_at or timezone.now()
        annotation.save(update_fields=["answer", "is_current", "checked_at"])
    reviews = Acceptance.objects.filter(annotation__in=ids)
    reviews.update(fixed_answer=None, comment="")
    undecided = reviews.filter(state__in=[Acceptance.State.OPEN, Acceptance.State.SENT_BACK])
    undecided.update(state=Acceptance.State.REJECTED, decided_at=timezone.now())


def without_texts(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer of any kind, its texts emptied; what is neither known nor text goes too."""
    return {name: value if name in KEPT_OF_ANSWERS else _emptied(value) for name, value in answer.items()}


def _emptied(value: Any) -> Any:
    if isinstance(value, str | list):
        return type(value)()
    return None


def _outputs(subject: Subject) -> QuerySet[Output]:
    return Output.objects.filter(workspace=subject.workspace, subject_key=subject.key)


@transaction.atomic
def _erase_outputs(subject: Subject, ids: list[int]) -> None:
    outputs = Output.objects.filter(pk__in=ids)
    uids = [str(uid) for uid in outputs.values_list("uid", flat=True)]
    outputs.filter(erased_at=None).update(erased_at=timezone.now())
    outputs.update(prompt=[], text="")
    for feedback in _locked(Feedback.objects.filter(output__in=ids)):
        feedback.value = {
            name: "" if isinstance(value, str) and name != "chosen" else value
            for name, value in feedback.value.items()
        }
        feedback.comment = feedback.identifier = ""
        feedback.save(update_fields=["value", "comment", "identifier"])
    _forget_answers(subject.workspace, uids)


def _locked(rows: QuerySet[Any]) -> list[Any]:
    return list(rows.select_for_update().order_by("pk"))


def _forget_answers(workspace: Workspace, uids: list[str]) -> None:
    """The API remembers its answers for repeats; those about these outputs repeat the texts."""
    table = IdempotencyKey._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} WHERE workspace_id = %s AND response::text ~ %s",  # noqa: S608
            [workspace.pk, "|".join(uids)],
        )
