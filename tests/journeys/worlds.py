"""What people open in the browser: a ranking project, and a workspace in which much has happened."""

import math
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from accounts.consent import give_consent
from accounts.models import Membership
from annotation.copying import copy_tasks
from annotation.kinds.ranking_task import parse_task
from annotation.models import Guideline, Project, TaskImport
from annotation.queue import Handed, hand_out
from annotation.submissions import submit
from jobs.models import Job
from tests.annotation.worlds import an_answer
from tests.conftest import Cast
from tests.training.registered import finish, make_run
from training.models import RunMetric, RunSample, TrainingRun

CODE = "Try this:\n\n```python\nprint('<b>honey</b>')\n```\n\nIt prints **honey**."
ARABIC = "كم من الوقت يمكنني الاحتفاظ بالعسل (max 40 words)؟"


def ranking_project(
    cast: Cast, *, tasks: int = 3, candidates: int = 3, prompt: str = "", **values: object
) -> Project:
    for person in (cast.alice, cast.bob, cast.rita):
        give_consent(person)
    values = {"name": "Helpfulness", "aspects": ["quality", "relevance", "safety"], **values}
    project = Project.objects.create(workspace=cast.workspace, created_by=cast.alice, **values)
    Guideline.objects.create(
        workspace=cast.workspace, project=project, number=1, text="Prefer the answer that **helps**."
    )
    batch = TaskImport.objects.create(
        workspace=cast.workspace, project=project, state=TaskImport.State.DONE, rows=tasks
    )
    records = [_record(number, candidates, prompt) for number in range(tasks)]
    copy_tasks(
        project=project, tasks=[parse_task(record, maximum=9) for record in records], import_id=batch.pk
    )
    return project


def _record(number: int, candidates: int, prompt: str) -> dict[str, object]:
    texts = [f"Answer {at} to question {number}.\n\n{CODE if at == 0 else ''}" for at in range(candidates)]
    answers = [{"content": text, "source": {"model": f"secret-model-{at}"}} for at, text in enumerate(texts)]
    return {"id": f"t{number}", "prompt": prompt or f"Question {number}?", "candidates": answers}


def first_task(person: Membership, project: Project) -> str:
    """Hand out a task as the button of the project page does, and give its address."""
    handed = hand_out(membership=person, project=project)
    assert isinstance(handed, Handed), handed
    return f"/w/{person.workspace.slug}/assignments/{handed.assignment.uid}/"


def busy_workspace(cast: Cast, directory: Path) -> dict[str, str]:
    """Answers, frozen data, runs in every state, models; gives the address of the page about each."""
    project = ranking_project(cast, tasks=4, description="Which answer helps most?")
    for _number in range(2):
        handed = hand_out(membership=cast.bob, project=project)
        assert isinstance(handed, Handed)
        submit(assignment=handed.assignment, answer=an_answer(handed.assignment))
    ended = make_run(cast.workspace, "pretrain", name="small-llama", by=cast.alice)
    measure(ended, steps=200)
    base = finish(ended, directory, heldout_loss=1.734, seconds=42.0)
    reward_run = make_run(cast.workspace, "reward", base_model=base, name="kindness", by=cast.alice)
    measure(reward_run, steps=60)
    reward = finish(reward_run, directory, heldout_accuracy=0.714, heldout_pairs=462)
    running = make_run(
        cast.workspace, "ppo", base_model=base, reward_model=reward, name="ppo-kindness", by=cast.alice
    )
    measure(running, steps=40)
    write_samples(running)
    set_job(running, state=Job.State.RUNNING, progress=0.42, sentence="Update 10 of 24", attempt=1)
    failed = make_run(cast.workspace, "sft", base_model=base, name="dialogues", by=cast.alice)
    set_job(failed, state=Job.State.FAILED, reason="The data has no demonstrations.", hint="Freeze some.")
    prefix = f"/w/{cast.workspace.slug}"
    return {
        "project": f"{prefix}/projects/{project.uid}/",
        "dataset": f"{prefix}/datasets/{base.made_by.dataset_version.uid}/",
        "run ended": f"{prefix}/runs/{ended.uid}/",
        "run running": f"{prefix}/runs/{running.uid}/",
        "run failed": f"{prefix}/runs/{failed.uid}/",
        "model": f"{prefix}/models/{reward.uid}/",
        "job": f"{prefix}/jobs/{failed.job.uid}/",
    }


def measure(run: TrainingRun, *, steps: int) -> None:
    rows = [
        {"loss": 1.2 + 2 * math.exp(-step / 40), "reward": step / steps, "kl": 0.02 * step}
        | ({"heldout_loss": 1.3 + 2 * math.exp(-step / 40)} if step % 20 == 0 else {})
        for step in range(steps)
    ]
    RunMetric.objects.bulk_create(RunMetric(run=run, step=step, values=row) for step, row in enumerate(rows))


def write_samples(run: TrainingRun) -> None:
    values = {"prompt": "How do I open <b>this</b> box?", "response": "Lift the lid, gently.", "score": 0.71}
    RunSample.objects.create(run=run, step=20, position=0, values=values)


def set_job(run: TrainingRun, **values: object) -> None:
    now = timezone.now()
    if values["state"] == Job.State.FAILED:
        values["ended_at"] = now
    else:
        values |= {"lease_owner": "worker", "lease_until": now + timedelta(hours=1), "heartbeat_at": now}
    Job.objects.filter(pk=run.job_id).update(started_at=now, **values)
