"""Tasks come in: at once through the API, or as a file with a preview that a person confirms."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.audit import record
from accounts.models import AuditEvent, Membership
from annotation.copying import copy_tasks
from annotation.intake import Problem, Row, read_records, read_rows
from annotation.kinds import TaskInput, kind_of
from annotation.models import Project, Task, TaskImport
from core.errors import Conflict, Invalid, TooLarge
from corpus.subjects import erased_among, subject_key
from jobs.models import Job

ROWS_AT_ONCE = 10_000
BYTES_AT_ONCE = 10 * 1000 * 1000
CHUNK = 2_000
PROBLEMS_KEPT = 100
PREVIEW_ROWS = 5
PREVIEW_CHARACTERS = 2_000
ERASED = "is about a person whose data was erased on request: nothing of theirs may come in again"


class ImportRefused(Invalid):
    """Some lines cannot become tasks, so none did; `fields` names the first hundred by line."""

    code = "import_refused"


class ProjectClosed(Conflict):
    code = "project_closed"


@dataclass
class Examination:
    """What a file holds, found without writing anything."""

    rows: int = 0
    problem_count: int = 0
    problems: list[dict[str, Any]] = field(default_factory=list)
    preview: list[dict[str, Any]] = field(default_factory=list)

    def note_problem(self, problem: Problem) -> None:
        self.problem_count += 1
        if len(self.problems) < PROBLEMS_KEPT:
            self.problems.append(problem.as_json())

    def note_task(self, task: TaskInput) -> None:
        self.rows += 1
        if len(self.preview) < PREVIEW_ROWS:
            self.preview.append(_shortened(task))


def import_at_once(*, membership: Membership, project: Project, body: bytes) -> TaskImport:
    """Import NDJSON in one transaction, all of it or nothing.

    Raises TooLarge beyond 10,000 rows or 10 MB, ImportRefused when any line has a problem.
    """
    check_open(project)
    lines = body.splitlines(keepends=True)
    if len(body) > BYTES_AT_ONCE or len(lines) > ROWS_AT_ONCE:
        raise too_much_at_once()
    rows = read_rows(lines, kind=kind_of(project.kind))
    return _import_all(rows, TaskImport(project=project, created_by=membership))


def import_tasks(
    *,
    project: Project,
    records: Iterable[Mapping[str, Any]],
    by: Membership | None,
    origin: str = "",
    job: Job | None = None,
) -> TaskImport:
    """Import records that another part of the house made, in one transaction, all of them or nothing.

    `origin` says in the list of imports where they came from. Raises ImportRefused when any record has a
    problem, Invalid when there is none, ProjectClosed.
    """
    check_open(project)
    rows = read_records(records, kind=kind_of(project.kind))
    return _import_all(rows, TaskImport(project=project, created_by=by, file_name=origin[:200], job=job))


@transaction.atomic
def _import_all(found: Iterator[Row | Problem], batch: TaskImport) -> TaskImport:
    """Checks inside the transaction: an erasure that is asked for meanwhile waits, and finds the tasks."""
    project = batch.project
    examination = Examination()
    tasks = list(checked_tasks(found, project=project, examination=examination))
    refuse_problems(examination)
    if not tasks:
        raise Invalid(_("There is no task in the request."), fields={"body": _("empty")})
    batch.workspace_id, batch.state, batch.rows = project.workspace_id, TaskImport.State.DONE, len(tasks)
    batch.save(force_insert=True)
    store(batch=batch, project=project, tasks=tasks)
    audit_import(membership=batch.created_by, batch=batch)
    return batch


def too_much_at_once() -> TooLarge:
    return TooLarge(
        _(
            "At most 10,000 tasks or 10 MB in one request. Upload a larger file on the project's page: "
            "a job (annotation.import_tasks) imports it."
        )
    )


def check_open(project: Project) -> None:
    if project.state == Project.State.CLOSED:
        raise ProjectClosed(_("This project is closed: open it again before you import tasks."))


def refuse_problems(examination: Examination) -> None:
    if not examination.problem_count:
        return
    fields = {f"line {problem['line']}": problem["reason"] for problem in examination.problems}
    raise ImportRefused(
        ngettext(
            "%(count)d line cannot be imported; nothing was stored.",
            "%(count)d lines cannot be imported; nothing was stored.",
            examination.problem_count,
        )
        % {"count": examination.problem_count},
        fields=fields,
    )


def good_tasks(lines: Iterable[bytes], *, project: Project, examination: Examination) -> Iterator[TaskInput]:
    """The tasks of a file that can be imported; what cannot is noted in the examination."""
    found = read_rows(lines, kind=kind_of(project.kind))
    return checked_tasks(found, project=project, examination=examination)


def checked_tasks(
    found: Iterator[Row | Problem], *, project: Project, examination: Examination
) -> Iterator[TaskInput]:
    """Against what is in the project and in the workspace: ids that are taken, subjects that were erased."""
    while chunk := list(islice(found, CHUNK)):
        chunk = [_with_subject_key(entry, project) for entry in chunk]
        taken, erased = _ids_taken(project, chunk), _erased_among(project, chunk)
        for entry in chunk:
            if isinstance(entry, Problem):
                examination.note_problem(entry)
            elif entry.task.external_id in taken:
                examination.note_problem(Problem(entry.line, "id exists already in this project"))
            elif entry.task.subject_key in erased:
                examination.note_problem(Problem(entry.line, ERASED))
            else:
                examination.note_task(entry.task)
                yield entry.task


def _with_subject_key(entry: Row | Problem, project: Project) -> Row | Problem:
    if isinstance(entry, Problem) or not entry.task.subject:
        return entry
    key = subject_key(workspace=project.workspace, identifier=entry.task.subject)
    return replace(entry, task=replace(entry.task, subject_key=key))


def _erased_among(project: Project, chunk: Sequence[Row | Problem]) -> set[str]:
    """The keys of people who asked for erasure; nothing is looked up where no row is about anybody."""
    keys = {entry.task.subject_key for entry in chunk if isinstance(entry, Row) and entry.task.subject_key}
    return erased_among(workspace=project.workspace, keys=keys)


def _ids_taken(project: Project, chunk: Sequence[Row | Problem]) -> set[str]:
    ids = [entry.task.external_id for entry in chunk if isinstance(entry, Row) and entry.task.external_id]
    if not ids:
        return set()
    taken = Task.objects.filter(project=project, external_id__in=ids)
    return set(taken.values_list("external_id", flat=True))


def store(*, batch: TaskImport, project: Project, tasks: Iterable[TaskInput]) -> int:
    """COPY the tasks inside the caller's transaction; returns how many there were."""
    count = 0
    remaining = iter(tasks)
    while chunk := list(islice(remaining, CHUNK)):
        try:
            copy_tasks(project=project, tasks=chunk, import_id=batch.pk)
        except IntegrityError as error:
            raise Conflict(
                _("Another import brought tasks with the same ids meanwhile; nothing was stored.")
            ) from error
        count += len(chunk)
    return count


def audit_import(*, membership: Membership | None, batch: TaskImport) -> None:
    record(
        kind=AuditEvent.Kind.IMPORTED,
        workspace=batch.project.workspace,
        membership=membership,
        object_kind="project",
        object_uid=batch.project.uid,
        rows=batch.rows,
        batch=str(batch.uid),
        file_name=batch.file_name,
        sha256=batch.sha256,
    )


def _shortened(task: TaskInput) -> dict[str, Any]:
    return {
        "id": task.external_id,
        "lang": task.prompt["lang"],
        "messages": [
            {"role": message["role"], "text": _short_text(message)}
            for message in task.prompt["messages"][-4:]
        ],
        "candidates": [_short_text(candidate.message) for candidate in task.candidates],
    }


def _short_text(message: dict[str, Any]) -> str:
    text = "\n".join(part["text"] for part in message["parts"])
    return text if len(text) <= PREVIEW_CHARACTERS else text[:PREVIEW_CHARACTERS] + " …"
