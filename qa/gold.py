"""Gold: tasks with known answers, hidden among the work, and what a reviewer decides after a failed test."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import AuditEvent, Membership
from annotation.copying import copy_tasks
from annotation.hidden_gold import SLOTS
from annotation.imports import Examination, check_open, checked_tasks, refuse_problems
from annotation.intake import Problem, Row, read_records
from annotation.kinds import kind_of
from annotation.models import Assignment, Candidate, Project, Task
from annotation.standings import resume
from core.errors import Conflict, Invalid, TooLarge
from corpus.subjects import refuse_erased
from qa.gold_answers import check_kind, checked_answers, checked_explanation
from qa.gold_files import MOST_RECORDS, aged_uids
from qa.inbox import judge_again
from qa.locks import lock_project
from qa.models import Acceptance, Gold, GoldScore
from qa.risks import risk_of

STANDING = [Assignment.State.LEASED, Assignment.State.SUBMITTED, Assignment.State.RETURNED]


class TaskInUse(Conflict):
    """Somebody has the task or has answered it: its answers are work."""

    code = "task_in_use"


class NotPaused(Conflict):
    code = "not_paused"


@transaction.atomic
def make_gold(
    *, task: Task, accepted: Sequence[Mapping[str, Any]], by: Membership | None, explanation: str = ""
) -> Gold:
    """Turn an unanswered work task into gold.

    Raises TaskInUse, GoldInvalid, NoGoldOfThisKind and SubjectErased.
    """
    locked = Task.objects.select_for_update(of=("self",)).select_related("project").get(pk=task.pk)
    check_kind(locked.project)
    candidates = [str(uid) for uid in locked.candidates.order_by("position").values_list("uid", flat=True)]
    answers = checked_answers(locked.project, accepted, candidates=candidates)
    explanation = checked_explanation(explanation)
    if locked.purpose != Task.Purpose.WORK:
        raise TaskInUse(_("This task is gold already."))
    if locked.annotations.exists() or locked.assignments.filter(state__in=STANDING).exists():
        raise TaskInUse(_("Somebody has this task or has answered it: choose one that nobody has seen."))
    refuse_erased(workspace=locked.project.workspace, key=locked.body.subject_key or "")
    hide_as_gold([locked.pk])
    gold = Gold.objects.create(
        workspace_id=locked.workspace_id,
        task=locked,
        accepted=answers,
        explanation=explanation,
        created_by=by,
    )
    note_gold(project=locked.project, by=by, tasks=1, made_from=str(locked.uid))
    return gold


def hide_as_gold(task_ids: Sequence[int]) -> None:
    """From now on the queue hands these out as gold, to every person once."""
    Task.objects.filter(pk__in=task_ids).update(purpose=Task.Purpose.GOLD, overlap=SLOTS, open_slots=SLOTS)


def note_gold(*, project: Project, by: Membership | None, tasks: int, **detail: Any) -> None:
    record(
        kind=AuditEvent.Kind.GOLD_CHANGED,
        workspace=project.workspace,
        membership=by,
        object_kind="project",
        object_uid=project.uid,
        tasks=tasks,
        **detail,
    )


def import_gold(
    *, project: Project, records: Iterable[Mapping[str, Any]], by: Membership | None
) -> list[Gold]:
    """Import gold tasks, all of them or none.

    A record is that of a task with `gold`, an answer or a list of them, candidates by their place from 0:
    {"ranking": [[0], [1]]} or {"labels": ["..."]}; and perhaps an `explanation` for reviewers.
    Raises ImportRefused that names the records by number, TooLarge, NoGoldOfThisKind, ProjectClosed.
    """
    check_open(project)
    check_kind(project)
    given = list(islice(records, MOST_RECORDS + 1))
    if len(given) > MOST_RECORDS:
        raise TooLarge(_("At most %(most)d gold tasks at once.") % {"most": MOST_RECORDS})
    if not given:
        raise Invalid(_("There is no gold task in the request."), fields={"body": _("empty")})
    try:
        return _import_all(project, given, by)
    except IntegrityError as error:
        raise Conflict(_("Another import brought tasks with the same ids; nothing was stored.")) from error


@transaction.atomic
def _import_all(project: Project, given: list[Mapping[str, Any]], by: Membership | None) -> list[Gold]:
    """Checks inside the transaction: an erasure that is asked for meanwhile waits, and finds the tasks."""
    examination = Examination()
    rows = _rows(project, given)
    tasks = list(checked_tasks(iter(rows), project=project, examination=examination))
    _check_answers(project, given, rows, examination)
    refuse_problems(examination)
    keys = copy_tasks(project=project, tasks=tasks, import_id=None, name_candidates=aged_uids(project))
    hide_as_gold(keys)
    golds = Gold.objects.bulk_create(_golds(project, given, keys, by))
    note_gold(project=project, by=by, tasks=len(golds))
    return golds


def _rows(project: Project, given: list[Mapping[str, Any]]) -> list[Row | Problem]:
    """The records as tasks. They may come from a file: what only the house itself may say is refused."""
    rows = list(read_records([_task_of(entry) for entry in given], kind=kind_of(project.kind)))
    for place, entry in enumerate(given):
        if not isinstance(entry, Mapping):
            rows[place] = Problem(place + 1, "must be a JSON object")
        elif "subject_key" in entry:
            rows[place] = Problem(place + 1, "has an unknown field 'subject_key'")
    return rows


def _task_of(entry: object) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        return {}
    return {name: value for name, value in entry.items() if name not in {"gold", "explanation"}}


def _check_answers(
    project: Project,
    given: list[Mapping[str, Any]],
    rows: list[Row | Problem],
    examination: Examination,
) -> None:
    for number, (entry, row) in enumerate(zip(given, rows, strict=True), start=1):
        if isinstance(row, Problem):
            continue
        places = [str(place) for place in range(len(row.task.candidates))]
        try:
            checked_answers(project, entry.get("gold"), candidates=places)
            checked_explanation(entry.get("explanation", ""))
        except Invalid as refused:
            examination.note_problem(Problem(number, refused.with_reasons()))


def _golds(
    project: Project, given: list[Mapping[str, Any]], keys: list[int], by: Membership | None
) -> Iterator[Gold]:
    candidates: dict[int, list[str]] = {}
    placed = Candidate.objects.filter(task_id__in=keys).order_by("task_id", "position")
    for task_id, uid in placed.values_list("task_id", "uid"):
        candidates.setdefault(task_id, []).append(str(uid))
    for key, entry in zip(keys, given, strict=True):
        yield Gold(
            workspace_id=project.workspace_id,
            task_id=key,
            accepted=checked_answers(project, entry.get("gold"), candidates=candidates.get(key, [])),
            explanation=checked_explanation(entry.get("explanation", "")),
            created_by=by,
        )


@transaction.atomic
def retire_gold(*, gold: Gold, by: Membership) -> None:
    """Hand it out no more, and count no answer to it from now on: for gold whose known answer is wrong."""
    project = gold.task.project
    lock_project(project.pk)
    Task.objects.filter(pk=gold.task_id).update(open_slots=0)
    Gold.objects.filter(pk=gold.pk).update(accepted=[])
    note_gold(project=project, by=by, tasks=-1, retired=str(gold.task.uid))


@transaction.atomic
def let_work_again(*, project: Project, membership: Membership, by: Membership, note: str = "") -> None:
    """End the pause after a failed test: a reviewer looked, and a new test starts.

    What was held back only because of the failure is accepted again by policy; what a reviewer decided stays.
    Raises NotPaused.
    """
    words = checked_explanation(note)
    lock_project(project.pk)
    if not project.standings.filter(membership=membership, paused_until__gt=timezone.now()).exists():
        raise NotPaused(_("This person is not paused."))
    resume(membership=membership, project=project)
    GoldScore.objects.filter(project=project, membership=membership).update(
        log_ratio=0.0, tests_passed=0, verdict=GoldScore.Verdict.OPEN,
        reviewed_by=by, reviewed_at=timezone.now(),
    )  # fmt: skip
    _release_held(project, membership)
    judge_again(project, membership.pk)
    record(
        kind=AuditEvent.Kind.PERSON_RESUMED,
        membership=by,
        object_kind="membership",
        object_uid=membership.uid,
        project=str(project.uid),
        note=words,
    )


def _release_held(project: Project, membership: Membership) -> None:
    held = Acceptance.objects.filter(
        project=project,
        annotation__membership=membership,
        state=Acceptance.State.OPEN,
        reasons__contains=["gold"],
    )
    changed = list(held.select_for_update(of=("self",)).order_by("pk"))
    for acceptance in changed:
        acceptance.reasons = [reason for reason in acceptance.reasons if reason != "gold"]
        acceptance.risk = risk_of(acceptance.reasons)
        acceptance.state = Acceptance.State.OPEN if acceptance.reasons else Acceptance.State.ACCEPTED
    Acceptance.objects.bulk_update(changed, ["reasons", "risk", "state"], batch_size=500)
