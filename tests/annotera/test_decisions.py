"""What needs a decision of an admin appears on the home as one line, and goes when it is decided."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from annotation.models import TaskImport
from annotation.standings import pause, resume
from annotation.uploads import discard, receive
from annotera.decisions import Decision
from annotera.releases_due import LEAST, due
from core.ids import uuid7
from corpus.intake import receive_at_once
from corpus.models import Document, LineageEdge, Source
from jobs.models import Job
from production.deployments import deploy
from qa.models import Acceptance
from tests.annotation.worlds import add_tasks, consenting, make_project
from tests.annotera.test_home import address, answer
from tests.conftest import Cast
from tests.corpus.collected import make_source
from tests.journeys.worlds import set_job
from tests.training.alarmed import LENGTH, keep, ppo_run
from tests.training.registered import finish, make_model, make_run


def decisions(cast: Cast) -> list[Decision]:
    response = cast.client(cast.alice).get(address("workspace-home"))
    assert response.status_code == 200
    return response.context["decisions"]


def sentences(cast: Cast) -> list[str]:
    return [decision.sentence for decision in decisions(cast)]


@pytest.fixture
def project(cast: Cast):
    consenting(cast.alice, cast.bob, cast.rita)
    made = make_project(cast, overlap=1)
    add_tasks(made, 40)
    return made


def test_a_failed_run_is_told_with_its_reason_until_a_newer_one_of_its_stage_succeeded(cast: Cast):
    run = make_run(cast.workspace, "pretrain", name="small", by=cast.alice)
    set_job(run, state=Job.State.FAILED, reason="The disk is full.")
    (told,) = [decision for decision in decisions(cast) if decision.level == "bad"]
    assert (told.about, told.detail) == ("small", "The disk is full.")
    assert told.url == address("run", run.uid)
    again = make_run(cast.workspace, "pretrain", name="again", by=cast.alice)
    assert "A training run failed" in sentences(cast)
    Job.objects.filter(pk=again.job_id).update(state=Job.State.CANCELLED, ended_at=timezone.now())
    assert "A training run failed" in sentences(cast)
    Job.objects.filter(pk=again.job_id).update(state=Job.State.SUCCEEDED)
    assert "A training run failed" not in sentences(cast)


def test_a_failure_of_long_ago_is_no_decision_any_more(cast: Cast):
    run = make_run(cast.workspace, "pretrain", name="small", by=cast.alice)
    set_job(run, state=Job.State.FAILED, reason="The disk is full.")
    Job.objects.update(ended_at=timezone.now() - timedelta(days=15))
    assert "A training run failed" not in sentences(cast)


def test_a_policy_under_an_alarm_is_told_and_marked_in_the_list_of_models(cast: Cast, tmp_path: Path):
    keep(ppo_run(cast.workspace, tmp_path), tmp_path, LENGTH)
    assert "A policy is under an alarm" in sentences(cast)
    html = cast.client(cast.rita).get(address("workspace-home")).content.decode()
    assert "hacking suspected" in html


def test_a_finished_model_waits_until_it_is_deployed(cast: Cast, tmp_path: Path):
    base = make_model(cast.workspace, tmp_path)
    model = finish(make_run(cast.workspace, "sft", base_model=base, by=cast.alice), tmp_path)
    (told,) = [row for row in decisions(cast) if row.sentence == "A finished model is not deployed"]
    assert told.url == f"{address('deployments')}?model={model.uid}"
    deploy(workspace=cast.workspace, by=cast.alice, model=model, name="assistant")
    assert "A finished model is not deployed" not in sentences(cast)


def test_open_reviews_and_paused_people_wait_and_go(cast: Cast, project):
    (one,) = answer(cast.bob, project)
    Acceptance.objects.filter(pk=one.pk).update(state="open", reasons=["flag"], risk=4.0)
    pause(membership=cast.bob, project=project, reason="Slow down.")
    told = {decision.sentence: decision for decision in decisions(cast)}
    assert told["1 answer waits for a review"].detail == "1 flagged by the annotator"
    assert told["Bob is paused"].detail == "They were told: Slow down."
    Acceptance.objects.filter(pk=one.pk).update(state="accepted")
    resume(membership=cast.bob, project=project)
    assert not {"1 answer waits for a review", "Bob is paused"} & set(sentences(cast))


def test_a_source_past_its_retention_waits_while_it_holds_documents(cast: Cast):
    source = make_source(cast)
    receive_at_once(source=source, by=cast.alice, body=b'{"text": "Kept."}')
    assert "A source is past its retention" not in sentences(cast)
    Source.objects.filter(pk=source.pk).update(retention_until=timezone.localdate() - timedelta(days=1))
    assert "A source is past its retention" in sentences(cast)
    Document.objects.update(state=Document.State.ERASED)
    assert "A source is past its retention" not in sentences(cast)


def test_a_task_file_waits_to_be_confirmed(cast: Cast, project):
    upload = SimpleUploadedFile("tasks.jsonl", b'{"prompt": "Why?", "candidates": ["a", "b"]}')
    batch = receive(membership=cast.alice, project=project, upload=upload)
    assert batch.state == TaskImport.State.PREVIEW
    TaskImport.objects.filter(pk=batch.pk).update(job=None)
    assert "A task file waits to be confirmed" in sentences(cast)
    discard(batch=batch)
    assert "A task file waits to be confirmed" not in sentences(cast)


def test_accepted_answers_wait_for_a_release_until_there_is_one(cast: Cast, project):
    answer(cast.bob, project, LEAST - 1)
    assert due([project]) == []
    answer(cast.bob, project)
    assert due([project]) == [(project, LEAST)]
    told = {decision.sentence: decision for decision in decisions(cast)}
    assert told[f"{LEAST} answers were accepted since the last version"].url == address(
        "project-freeze", project.uid
    )
    LineageEdge.objects.create(
        workspace=cast.workspace,
        child_kind="dataset_version",
        child_uid=uuid7(),
        parent_kind="project",
        parent_uid=project.uid,
        role="annotations",
    )
    assert due([project]) == []


def test_the_next_step_of_the_pipeline_is_the_last_line(cast: Cast):
    told = decisions(cast)[-1]
    assert told.level == "info"
    assert told.url == reverse("source-new", args=["acme"])


def test_another_workspace_is_not_told(cast: Cast, project):
    pause(membership=cast.bob, project=project, reason="Slow down.")
    response = cast.client(cast.charlie).get(reverse("workspace-home", args=["other"]))
    assert "Bob" not in " ".join(decision.sentence for decision in response.context["decisions"])
