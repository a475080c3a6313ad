"""Outputs go back to annotators: as tasks of a project, never twice, each with its reason and probability."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.audit import record
from accounts.models import AuditEvent, Membership
from annotation.imports import check_open, import_tasks
from annotation.models import Project, Task, TaskBody
from core.errors import Conflict, Invalid
from production.models import Deployment, Harvest, Output
from production.second_answers import ModelAbsent, NoSecondAnswer, second_answer
from production.selection import Chosen, choose, open_outputs

MOST_AT_ONCE = 1000
# A model that did not answer so often in a row is not asked again now.
MOST_ABSENCES = 3


class HarvestRefused(Invalid):
    """A setting is out of range; `fields` names it."""


class NothingToSend(Conflict):
    """Every output that was chosen by hand was sent before, was erased, or got no second answer."""

    code = "nothing_to_send"


def harvest(
    *,
    project: Project,
    by: Membership | None,
    outputs: Sequence[Output] | None = None,
    deployment: Deployment | None = None,
    floor: float = 0.05,
    limit: int = 100,
    seed: int | None = None,
    report: Callable[[float], None] = lambda share: None,
) -> list[Harvest]:
    """Make tasks from these outputs, or from those that feedback and chance choose.

    Chosen by feedback: all with a correction, a preferred other answer, a thumb down or a score below one
    half, with probability 1; of the rest each with the probability `floor`, drawn once for each output. A
    ranking task compares the output with a correction, with the preferred other answer, or with a second
    answer of the same deployment; an output that gets none now (the model is down) waits for the next call.
    A demonstration task is the prompt, a classification task the dialogue. No transaction is open while
    models write. Raises HarvestRefused, ProjectClosed, and NothingToSend for outputs chosen by hand.
    """
    check_settings(floor=floor, limit=limit)
    check_open(project)
    if outputs is None:
        # Twice as many, in place of those to which the model gives no second answer.
        chosen = choose(project=project, deployment=deployment, floor=floor, limit=2 * limit, seed=seed)
    else:
        chosen = _by_hand(project, outputs[:limit])
    records, problem = _records(project, chosen, limit=limit, by=by, report=report)
    sent = _send(project, [found for found in chosen if found.output.pk in records], records, by=by)
    if outputs is not None and not sent:
        raise NothingToSend(
            problem
            or _("Nothing was sent: it is in this project already, or nothing can be compared with it.")
        )
    return sent


def _records(
    project: Project,
    chosen: Sequence[Chosen],
    *,
    limit: int,
    by: Membership | None,
    report: Callable[[float], None],
) -> tuple[dict[int, dict[str, Any]], str]:
    """The tasks by the outputs' keys, at most `limit`, and why the last one that is missing is missing."""
    records: dict[int, dict[str, Any]] = {}
    problem, absences = "", 0
    for found in chosen:
        if len(records) == limit or absences == MOST_ABSENCES:
            break
        try:
            records[found.output.pk] = _record(project, found.output, by=by)
            absences = 0
        except NoSecondAnswer as error:
            problem = str(error)
            absences += isinstance(error, ModelAbsent)
        report(len(records) / min(limit, len(chosen)))
    return records, problem


def check_settings(*, floor: float, limit: int) -> None:
    """Raise HarvestRefused, which names what is out of range."""
    # Not the other way round: every comparison with NaN is false.
    if not 0 <= floor <= 1:
        raise HarvestRefused(_("Choose a share from 0 to 1."), fields={"floor": _("from 0 to 1")})
    if not 1 <= limit <= MOST_AT_ONCE:
        reason = _("from 1 to %(most)d") % {"most": MOST_AT_ONCE}
        raise HarvestRefused(_("Choose how many at most."), fields={"limit": reason})


def _by_hand(project: Project, outputs: Sequence[Output]) -> list[Chosen]:
    still_open = open_outputs(project).filter(pk__in=[output.pk for output in outputs]).order_by("pk")
    return [Chosen(output, Harvest.Reason.BY_HAND, 1.0) for output in still_open]


def _record(project: Project, output: Output, *, by: Membership | None) -> dict[str, Any]:
    """The task as an import wants it; raises NoSecondAnswer."""
    task: dict[str, Any] = {"id": name_of(output), "prompt": output.prompt}
    if project.kind == Project.Kind.CLASSIFICATION:
        task["prompt"] = [*output.prompt, {"role": "assistant", "content": output.text}]
    if project.kind == Project.Kind.RANKING:
        own = {"output": str(output.uid), "model": str(output.model.uid), "name": str(output.model)}
        first = {"content": output.text, "source": own}
        task["candidates"] = [first, second_answer(output, by=by)]
    return task


def name_of(output: Output) -> str:
    """The task's id in its project: a second line of defence against sending an output twice."""
    return f"output:{output.uid}"


@transaction.atomic
def _send(
    project: Project, chosen: Sequence[Chosen], records: dict[int, dict[str, Any]], *, by: Membership | None
) -> list[Harvest]:
    """Two harvests at once follow one another here, and the second leaves out what the first has sent."""
    keys = [found.output.pk for found in chosen]
    locked = Output.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=keys).order_by("pk")
    still_open = {output.pk for output in locked if output.erased_at is None}
    still_open -= set(
        Harvest.objects.filter(project=project, output__in=keys).values_list("output", flat=True)
    )
    chosen = [found for found in chosen if found.output.pk in still_open]
    if not chosen:
        return []
    batch = import_tasks(
        project=project,
        records=[records[found.output.pk] for found in chosen],
        by=by,
        origin=_("Outputs of deployed models"),
    )
    tasks = {task.external_id: task for task in Task.objects.filter(imported_in=batch)}
    _keep_subjects(chosen, tasks)
    sent = Harvest.objects.bulk_create(
        Harvest(
            workspace_id=project.workspace_id,
            output=found.output,
            project=project,
            task=tasks[name_of(found.output)],
            reason=found.reason,
            probability=found.probability,
            created_by=by,
        )
        for found in chosen
    )
    record(
        kind=AuditEvent.Kind.HARVESTED,
        workspace=project.workspace,
        membership=by,
        object_kind="project",
        object_uid=project.uid,
        outputs=len(sent),
        reasons=_counts(found.reason for found in chosen),
    )
    return sent


def _keep_subjects(chosen: Sequence[Chosen], tasks: dict[str, Task]) -> None:
    """What is about a person stays findable for erasure; their name is not known here, only its key."""
    for found in chosen:
        if found.output.subject_key:
            task = tasks[name_of(found.output)]
            TaskBody.objects.filter(task=task).update(subject_key=found.output.subject_key)


def _counts(reasons: Iterable[str]) -> dict[str, int]:
    named = [str(reason) for reason in reasons]
    return {reason: named.count(reason) for reason in sorted(set(named))}
