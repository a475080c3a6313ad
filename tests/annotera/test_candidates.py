"""Frozen prompts become tasks: with answers of a real, tiny model where people rank, else as they are."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotation.imports import ProjectClosed
from annotation.models import Candidate, Project, Task, TaskBody, TaskImport
from annotera import candidates
from annotera.candidates import (
    CandidatesRefused,
    different_prompts,
    request_candidates,
    with_candidates,
)
from corpus.models import DatasetVersion, Erasure
from jobs.models import Job
from jobs.registry import load_handlers
from jobs.running import run_next
from tests.annotation.worlds import consenting, labelling_project, make_project, writing_project
from tests.conftest import Cast
from tests.corpus.frozen import freeze
from tests.production.tiny_models import register_tiny_model
from tests.training.registered import make_model
from training.models import ModelVersion

QUESTIONS = ["Why is the sea salty?", "What is rain?", "Why is the sea salty?", "Who was Ann?"]


def question(number: int, text: str, **values: object) -> dict[str, Any]:
    prompt = [{"role": "user", "content": text}]
    return {"schema": 1, "id": f"q{number}", "prompt": prompt, "lang": "en", **values}


def freeze_questions(cast: Cast, **values: Any) -> DatasetVersion:
    rows = [question(number, text) for number, text in enumerate(QUESTIONS)]
    rows[3]["subject_key"] = "a" * 64
    return freeze(cast.workspace, rows=rows, name="questions", kind="prompts", heldout_share=0.0, **values)


def tiny_model(cast: Cast, directory: Path) -> ModelVersion:
    model = register_tiny_model(cast.workspace, directory)
    # The run that made it has ended: no worker should take its job for ours.
    Job.objects.update(state=Job.State.SUCCEEDED, ended_at=timezone.now())
    return model


def run_job(queue: str) -> Job:
    load_handlers()
    assert run_next(queue=queue, owner="test")
    return Job.objects.filter(kind__in=[candidates.CANDIDATES, candidates.PROMPTS]).latest("pk")


@pytest.mark.engine
def test_a_model_answers_and_people_rank_without_seeing_who_did(committed_cast: Cast, tmp_path: Path) -> None:
    cast = committed_cast
    project, version = make_project(cast), freeze_questions(cast)
    model = tiny_model(cast, tmp_path)
    job = request_candidates(
        project=project, model=model, prompts=version, by=cast.alice, per_prompt=3, max_new_tokens=5
    )
    done = run_job("training")
    assert (done.pk, done.state) == (job.pk, Job.State.SUCCEEDED), done.reason
    assert done.result["tasks"] == 3
    assert done.result["left_out"] == 0
    batch = TaskImport.objects.get(job=job)
    assert (batch.rows, batch.created_by, batch.file_name) == (3, cast.alice, f"{model} · {version}")
    bodies = TaskBody.objects.order_by("pk")
    asked = [body.prompt["messages"][0]["parts"][0]["text"] for body in bodies]
    assert asked == ["Why is the sea salty?", "What is rain?", "Who was Ann?"]
    assert [body.subject_key for body in bodies] == [None, None, "a" * 64]
    for body in bodies:
        texts = [message["parts"][0]["text"].strip() for message in body.candidates.values()]
        assert len(set(texts)) == 3
    assert {row.source["model"] for row in Candidate.objects.all()} == {str(model.uid)}
    source = Candidate.objects.first().source
    assert (source["name"], source["temperature"]) == (str(model), 1.0)
    assert source["prompts"] == str(version.uid)

    consenting(cast.bob)
    bob = cast.client(cast.bob)
    shown = bob.get(bob.post(reverse("project-next", args=["acme", project.uid]))["Location"])
    for word in (str(model.uid), model.name, "temperature"):
        assert word not in shown.content.decode()


@pytest.mark.engine
def test_a_job_that_runs_twice_makes_its_tasks_once(committed_cast: Cast, tmp_path: Path) -> None:
    cast = committed_cast
    project, version = make_project(cast), freeze_questions(cast)
    model = tiny_model(cast, tmp_path)
    request_candidates(project=project, model=model, prompts=version, by=cast.alice, max_new_tokens=4)
    first = run_job("training")
    # As after a worker that died between its commit and the note that the job is done.
    Job.objects.filter(pk=first.pk).update(state=Job.State.QUEUED, ended_at=None, result={})
    second = run_job("training")
    assert second.state == Job.State.SUCCEEDED
    assert second.result["import"] == first.result["import"]
    assert Task.objects.count() == 3


@pytest.mark.engine
def test_a_model_that_cannot_be_loaded_fails_in_the_engines_words(
    committed_cast: Cast, tmp_path: Path
) -> None:
    cast = committed_cast
    project, version, model = make_project(cast), freeze_questions(cast), make_model(cast.workspace, tmp_path)
    Job.objects.update(state=Job.State.SUCCEEDED, ended_at=timezone.now())
    request_candidates(project=project, prompts=version, by=cast.alice, model=model)
    failed = run_job("training")
    assert failed.state == Job.State.FAILED
    assert "cannot be read" in failed.reason
    assert not Task.objects.exists()


def test_a_prompt_with_fewer_than_two_different_answers_becomes_no_task() -> None:
    prompts = [question(number, text) for number, text in enumerate(QUESTIONS)]
    records = with_candidates(prompts, [["a", "b"], ["a"], [], ["a", "b", "c"]], source={"model": "m"})
    assert [record["id"] for record in records] == ["q0", "q3"]
    assert records[0]["candidates"][1] == {"content": "b", "source": {"model": "m"}}


@pytest.mark.parametrize("make", [writing_project, labelling_project])
def test_prompts_become_tasks_as_they_are_where_nothing_is_ranked(committed_cast: Cast, make: Any) -> None:
    cast = committed_cast
    project, version = make(cast, "Already here"), freeze_questions(cast)
    request_candidates(project=project, model=None, prompts=version, by=cast.alice, limit=2)
    done = run_job("light")
    assert done.state == Job.State.SUCCEEDED, done.reason
    texts = [body.prompt["messages"][0]["parts"][0]["text"] for body in TaskBody.objects.order_by("pk")]
    assert texts == ["Already here", "Why is the sea salty?", "What is rain?"]


def test_a_split_without_prompts_fails_in_words(committed_cast: Cast) -> None:
    cast = committed_cast
    project, version = writing_project(cast), freeze_questions(cast)
    request_candidates(project=project, model=None, prompts=version, by=cast.alice, split="heldout")
    failed = run_job("light")
    assert failed.state == Job.State.FAILED
    assert "no prompt" in failed.reason
    assert Task.objects.count() == 1


def test_prompts_of_erased_people_are_left_out(cast: Cast) -> None:
    version = freeze_questions(cast)
    assert len(list(different_prompts(version, split="train"))) == 3
    Erasure.objects.create(workspace=cast.workspace, subject_key="a" * 64, requested_by=cast.alice)
    assert len(list(different_prompts(version, split="train"))) == 2


def test_prompts_are_read_page_by_page(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "ROWS_AT_ONCE", 2)
    assert len(list(different_prompts(freeze_questions(cast), split="train"))) == 3


# --- What is refused --------------------------------------------------------------------------------------
@pytest.fixture
def parts(cast: Cast, tmp_path: Path) -> dict[str, Any]:
    model = make_model(cast.workspace, tmp_path)
    return {
        "project": make_project(cast), "model": model, "prompts": freeze_questions(cast), "by": cast.alice,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model": None}, "model"),
        ({"prompts": None}, "prompts"),
        ({"split": "everything"}, "split"),
        ({"per_prompt": 1}, "per_prompt"),
        ({"per_prompt": 5}, "per_prompt"),
        ({"limit": 0}, "limit"),
        ({"limit": 2001}, "limit"),
        ({"limit": True}, "limit"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_wrong_part_is_named(parts: dict[str, Any], changes: dict[str, Any], field: str) -> None:
    jobs = Job.objects.count()
    with pytest.raises(CandidatesRefused) as caught:
        request_candidates(**{**parts, **changes})
    assert list(caught.value.fields) == [field]
    assert Job.objects.count() == jobs


def test_a_reward_model_a_redacted_version_and_a_corpus_are_refused(
    cast: Cast, parts: dict[str, Any], tmp_path: Path
) -> None:
    reward = make_model(cast.workspace, tmp_path, "reward")
    text = [{"schema": 1, "id": "d", "text": "Words.", "lang": "en"}]
    corpus = freeze(cast.workspace, rows=text, name="texts", kind="corpus")
    DatasetVersion.objects.filter(pk=parts["prompts"].pk).update(redacted_at="2026-01-01T00:00Z")
    redacted, good = DatasetVersion.objects.get(pk=parts["prompts"].pk), freeze(cast.workspace)
    for name, part in (("model", reward), ("prompts", corpus), ("prompts", redacted)):
        with pytest.raises(CandidatesRefused) as caught:
            request_candidates(**{**parts, "prompts": good, name: part})
        assert list(caught.value.fields) == [name]


def test_a_writing_project_takes_no_model_and_a_closed_one_nothing(cast: Cast, parts: dict[str, Any]) -> None:
    writing = writing_project(cast)
    with pytest.raises(CandidatesRefused):
        request_candidates(**{**parts, "project": writing})
    Project.objects.update(state="closed")
    writing.refresh_from_db()
    with pytest.raises(ProjectClosed):
        request_candidates(**{**parts, "project": writing, "model": None})


# --- Page and API -----------------------------------------------------------------------------------------
def test_alice_asks_for_candidates_on_the_page(cast: Cast, parts: dict[str, Any]) -> None:
    alice = cast.client(cast.alice)
    address = reverse("project-candidates", args=["acme", parts["project"].uid])
    assert str(parts["model"]) in alice.get(address).content.decode()
    typed = {
        "prompts": parts["prompts"].uid, "model": parts["model"].uid, "split": "train", "limit": "50",
        "per_prompt": "2", "max_new_tokens": "32", "temperature": "0.8", "seed": "1",
    }  # fmt: skip
    refused = alice.post(address, {**typed, "per_prompt": "9"})
    assert refused.status_code == 422
    made = alice.post(address, typed)
    job = Job.objects.get(kind=candidates.CANDIDATES)
    assert made["Location"] == reverse("job", args=["acme", job.uid])
    assert job.payload["config"]["temperature"] == 0.8


def test_the_page_says_what_is_missing(cast: Cast) -> None:
    project = make_project(cast)
    html = cast.client(cast.alice).get(reverse("project-candidates", args=["acme", project.uid])).content
    assert "no frozen prompts yet" in html.decode()


def test_a_script_asks_for_candidates_once(cast: Cast, parts: dict[str, Any]) -> None:
    alice = cast.api(cast.alice)
    address = reverse("api-project-candidates", args=[parts["project"].uid])
    body = {"prompts": str(parts["prompts"].uid), "model": str(parts["model"].uid), "per_prompt": 4}
    answers = [
        alice.post(address, body, format="json", headers={"Idempotency-Key": "once"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    job = Job.objects.get(kind=candidates.CANDIDATES)
    assert answers[0].json() == {"job": str(job.uid), "state": "queued"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model": None}, "model"),
        ({"model": "x"}, "model"),
        ({"prompts": None}, "prompts"),
        ({"limit": 10**9}, "limit"),
        ({"temperature": "hot"}, "temperature"),
        ({"split": "all"}, "split"),
    ],
)
def test_a_script_learns_which_field_is_wrong(
    cast: Cast, parts: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    body = {"prompts": str(parts["prompts"].uid), "model": str(parts["model"].uid), **changes}
    address = reverse("api-project-candidates", args=[parts["project"].uid])
    refused = cast.api(cast.alice).post(address, json.dumps(body), content_type="application/json")
    assert refused.status_code == 422
    assert field in refused.json()["error"]["fields"]
    assert not Job.objects.filter(kind=candidates.CANDIDATES).exists()


def test_parts_of_another_workspace_do_not_exist(cast: Cast, parts: dict[str, Any], tmp_path: Path) -> None:
    theirs: dict[str, DatasetVersion | ModelVersion] = {
        "model": make_model(cast.charlie.workspace, tmp_path),
        "prompts": freeze(cast.charlie.workspace, name="theirs"),
    }
    address = reverse("api-project-candidates", args=[parts["project"].uid])
    for name, part in theirs.items():
        body = {key: str(parts[key].uid) for key in ("model", "prompts")} | {name: str(part.uid)}
        refused = cast.api(cast.alice).post(address, body, format="json")
        assert refused.status_code == 422
        assert list(refused.json()["error"]["fields"]) == [name]
        with pytest.raises(CandidatesRefused):
            request_candidates(**{**parts, name: part})


def test_the_page_costs_the_same_however_much_there_is_to_choose_from(
    cast: Cast, parts: dict[str, Any], tmp_path: Path
) -> None:
    alice, counts = cast.client(cast.alice), []
    address = reverse("project-candidates", args=["acme", parts["project"].uid])
    for more in (0, 10, 60):
        for number in range(more):
            rows = [question(number, f"Question {more} {number}")]
            freeze(cast.workspace, rows=rows, name=f"v{more}-{number}", kind="prompts", heldout_share=0.0)
        make_model(cast.workspace, tmp_path)
        with CaptureQueriesContext(connection) as queries:
            assert alice.get(address).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2]
