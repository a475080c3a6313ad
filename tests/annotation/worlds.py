"""Small worlds for the tests of annotation: projects with tasks, people who have agreed to be recorded."""

from accounts.consent import give_consent
from accounts.models import Membership, Role
from annotation.copying import copy_tasks
from annotation.imports import import_tasks
from annotation.kinds.answers import Rules
from annotation.kinds.ranking import Answer, parse_answer
from annotation.kinds.ranking_task import parse_task
from annotation.models import Assignment, Project, TaskImport
from annotation.rules import rules_for
from tests.conftest import Cast, make_member


def make_project(cast: Cast, **values: object) -> Project:
    values = {"name": "Helpfulness", "aspects": ["quality", "safety"], **values}
    return Project.objects.create(workspace=cast.workspace, created_by=cast.alice, **values)


def task_record(number: int, candidates: int = 2, **values: object) -> dict[str, object]:
    answers = [
        {"content": f"Answer {at} to {number}", "source": {"model": f"secret-model-{at}"}}
        for at in range(candidates)
    ]
    return {"id": f"t{number}", "prompt": f"Question {number}?", "candidates": answers, **values}


def add_tasks(project: Project, count: int, *, candidates: int = 2, first: int = 0) -> TaskImport:
    batch = TaskImport.objects.create(
        workspace=project.workspace, project=project, state=TaskImport.State.DONE, rows=count
    )
    records = [parse_task(task_record(first + number, candidates), maximum=9) for number in range(count)]
    copy_tasks(project=project, tasks=records, import_id=batch.pk)
    return batch


def consenting(*people: Membership) -> None:
    for person in people:
        give_consent(person)


def more_annotators(cast: Cast, count: int) -> list[Membership]:
    people = [make_member(cast.workspace, f"Person{number}", Role.ANNOTATOR) for number in range(count)]
    consenting(*people)
    return people


def rules_of(assignment: Assignment) -> Rules:
    return rules_for(assignment)


def an_answer(assignment: Assignment, *, rationale: str = "") -> Answer:
    """The candidates in the order shown, first is best."""
    rules = rules_of(assignment)
    return parse_answer({"ranking": list(rules.shown_order), "rationale": rationale}, rules=rules)


def form_of(assignment: Assignment, **values: object) -> dict[str, object]:
    ranks = {f"rank-{uid}": str(place) for place, uid in enumerate(assignment.shown_order, start=1)}
    return {**ranks, "revision": "0", "draft_version": str(assignment.draft_version), **values}


def writing_project(cast: Cast, *prompts: object, **values: object) -> Project:
    project = make_project(cast, kind=Project.Kind.DEMONSTRATION, aspects=[], **{"name": "Answers", **values})
    return with_prompts(cast, project, *prompts or ("Why is the sea salty?",))


def labelling_project(cast: Cast, *prompts: object, **values: object) -> Project:
    given = {"name": "Tone", "labels": ["praise", "complaint", "question"], **values}
    project = make_project(cast, kind=Project.Kind.CLASSIFICATION, aspects=[], **given)
    return with_prompts(cast, project, *prompts or ("The parcel came late.",))


def with_prompts(cast: Cast, project: Project, *prompts: object) -> Project:
    import_tasks(project=project, records=[{"prompt": prompt} for prompt in prompts], by=cast.alice)
    return project
