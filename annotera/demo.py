"""The demo workspace: three people, a ranking project, simulated answers, and a starter model in the making.

Everything goes through the functions that the pages use. What no person wrote is marked as simulated.
"""

import json
import random
import secrets
from collections.abc import Iterator
from typing import Any

from django.db import transaction

from accounts.consent import give_consent
from accounts.members import join
from accounts.models import Membership, Role, Workspace
from accounts.people import create_person
from accounts.workspaces import create_workspace
from annotation.imports import import_at_once
from annotation.kinds.ranking import Answer
from annotation.models import Candidate, Project
from annotation.projects import ProjectSettings, create_project, publish_guideline
from annotation.queue import Handed, hand_out
from annotation.submissions import submit
from annotera.demo_texts import Question, demonstrations, questions
from annotera.logins import Login
from corpus.columns import Row
from corpus.models import DatasetVersion, Source
from corpus.shards import written
from corpus.versions import Parent, freeze
from training.models import Stage, TrainingRun
from training.runs import start_run

SEED = 20
TASKS = 180
SIMULATED_ANSWERS = 100
DEMONSTRATIONS = 1500
# How often the simulated annotator sees two answers the other way round, as people do.
MISTAKES = 0.08
# Best first: the rank of each hidden source in the world's own opinion.
QUALITY = {"simulated-polite": 0, "simulated-plain": 1, "simulated-unfinished": 2, "simulated-rude": 3}
CAST = (("Alice", Role.ADMIN), ("Bob", Role.ANNOTATOR), ("Rita", Role.REVIEWER))
GUIDELINE = """\
Rank the answers from best to worst.

1. **Kind**: the answer treats the person with respect. An insult puts it last, whatever else it says.
2. **Complete**: it says all that is needed, in whole sentences.
3. **Short**: of two that are equally kind and complete, prefer the shorter one.

Two answers that you cannot tell apart are a tie. If nobody should see any of them, choose *all bad*.
"""
STARTER = {
    "vocabulary_size": 512,
    "hidden_size": 128,
    "layers": 4,
    "heads": 4,
    "steps": 160,
}


@transaction.atomic
def load_demo() -> list[Login]:
    """Make the workspace `demo`; raises Conflict when there is one."""
    workspace = create_workspace(name="Demo", slug="demo")
    logins = []
    members: dict[str, Membership] = {}
    for name, role in CAST:
        login = Login(name, role.value, f"{name.lower()}@demo.local", secrets.token_urlsafe(12))
        person = create_person(email=login.email, name=name, password=login.password)
        members[name] = join(workspace=workspace, user=person, role=role)
        logins.append(login)
    project = make_project(by=members["Alice"])
    lines = [json.dumps(task_record(question)) for question in mixed_questions()]
    import_at_once(membership=members["Alice"], project=project, body="\n".join(lines).encode())
    answer_some(project=project, simulated=make_simulated(workspace))
    start_starter_model(workspace=workspace, by=members["Alice"])
    return logins


def make_project(*, by: Membership) -> Project:
    settings = ProjectSettings(
        name="Kind and complete answers",
        description="Simulated answers to household questions. Rank them by the guideline.",
        licence="CC0-1.0",
        lawful_basis="simulated data",
    )
    project = create_project(membership=by, settings=settings)
    publish_guideline(membership=by, project=project, text=GUIDELINE)
    return project


def mixed_questions() -> list[Question]:
    """Questions with two, three and four answers, in turn."""
    thirds = [questions(count=TASKS // 3, seed=SEED + answers, answers=answers) for answers in (2, 3, 4)]
    return [question for row in zip(*thirds, strict=True) for question in row]


def task_record(question: Question) -> dict[str, Any]:
    """A task as an import file holds it; the manner of each answer is its hidden source."""
    return {
        "prompt": question.text,
        "lang": "en",
        "candidates": [
            {"content": answer.text, "source": {"model": f"simulated-{answer.manner}"}}
            for answer in question.answers
        ],
    }


def make_simulated(workspace: Workspace) -> Membership:
    person = create_person(
        email="simulated@demo.local", name="Simulated annotator", password=secrets.token_urlsafe(24)
    )
    person.set_unusable_password()
    person.save(update_fields=["password"])
    membership = join(workspace=workspace, user=person, role=Role.ANNOTATOR)
    membership.is_simulated = True
    membership.save(update_fields=["is_simulated"])
    give_consent(membership)
    return membership


def answer_some(*, project: Project, simulated: Membership) -> None:
    """Let the simulated annotator rank by the world's own opinion, with the odd mistake."""
    chooser = random.Random(SEED)
    for _number in range(SIMULATED_ANSWERS):
        handed = hand_out(membership=simulated, project=project)
        if not isinstance(handed, Handed):
            return
        sources = Candidate.objects.filter(task_id=handed.assignment.task_id).values_list("uid", "source")
        order = [str(uid) for uid, _source in sorted(sources, key=lambda row: QUALITY[row[1]["model"]])]
        if chooser.random() < MISTAKES:
            order[0], order[1] = order[1], order[0]
        shown = tuple(str(uid) for uid in handed.assignment.shown_order)
        answer = Answer(shown_order=shown, ranking=tuple((uid,) for uid in order))
        submit(assignment=handed.assignment, answer=answer)


def start_starter_model(*, workspace: Workspace, by: Membership) -> TrainingRun:
    """Freeze the starter dialogues and queue a small language model on them: the base of the first runs."""
    version = freeze_starter_dialogues(workspace=workspace, by=by)
    return start_run(
        workspace=workspace,
        stage=Stage.PRETRAIN,
        config_values=STARTER,
        dataset_version=version,
        name="starter",
        by=by,
    )


def freeze_starter_dialogues(*, workspace: Workspace, by: Membership) -> DatasetVersion:
    source = Source.objects.create(
        workspace=workspace,
        name="Annotera's demo world",
        licence="CC0-1.0",
        origin="written by annotera.demo_texts",
        lawful_basis="simulated data",
        created_by=by,
    )
    with written(kind="demonstrations", rows=demonstration_rows(), heldout_share=0.1) as shards:
        return freeze(
            workspace=workspace,
            name="Starter dialogues",
            written=shards,
            counts={"simulated": DEMONSTRATIONS},
            parents=[Parent(kind="source", uid=source.uid, role="source")],
            licence="CC0-1.0",
            by=by,
            note="Simulated dialogues of the demo world.",
        )


def demonstration_rows() -> Iterator[Row]:
    for number, (question, answer) in enumerate(demonstrations(count=DEMONSTRATIONS, seed=SEED)):
        yield {
            "id": f"starter-{number}",
            "prompt": [{"role": "user", "content": question}],
            "completion": [{"role": "assistant", "content": answer}],
            "lang": "en",
        }
