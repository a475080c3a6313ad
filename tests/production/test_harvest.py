"""Outputs go back to annotators: which, why, with which probability, as what, and never twice."""

import pytest
from django.utils import timezone

from accounts.models import AuditEvent
from annotation import queue
from annotation.imports import ProjectClosed
from annotation.models import Candidate, Project, Task
from corpus.models import Erasure
from production.deployments import deploy, retire
from production.feedback import give
from production.harvest import HarvestRefused, NothingToSend, harvest
from production.models import Deployment, Feedback, Harvest, Output
from production.selection import share_of
from tests.annotation.test_concurrency import at_once
from tests.annotation.worlds import consenting, make_project
from tests.conftest import Cast
from tests.production.made import correct, make_output, make_outputs, thumb
from tests.production.tiny_models import register_tiny_model
from tests.training.registered import make_model


@pytest.fixture
def project(cast: Cast) -> Project:
    return make_project(cast, aspects=[])


@pytest.fixture
def writing(cast: Cast) -> Project:
    """Its tasks are bare prompts, so no model is asked."""
    return make_project(cast, name="Writing", kind="demonstration", aspects=[])


def texts_of(task: Task) -> list[str]:
    body = task.body
    order = Candidate.objects.filter(task=task).order_by("position").values_list("uid", flat=True)
    return [body.candidates[str(uid)]["parts"][0]["text"] for uid in order]


def reasons(sent: list[Harvest]) -> dict[str, str]:
    return {found.output.text: found.reason for found in sent}


def test_a_correction_becomes_the_second_answer(cast: Cast, project: Project, deployment: Deployment) -> None:
    output = make_output(deployment)
    correct(output)
    [sent] = harvest(project=project, by=cast.alice, floor=0)
    assert (sent.output, sent.reason, sent.probability) == (output, "corrected", 1.0)
    assert texts_of(sent.task) == ["A boat is a ship.", "A boat is a small ship."]
    assert sent.task.body.prompt["messages"][0]["parts"][0]["text"] == "What is a boat?"
    sources = [candidate.source for candidate in sent.task.candidates.order_by("position")]
    assert sources[0]["output"] == str(output.uid)
    assert sources[1]["feedback"] == str(Feedback.objects.get().uid)


def test_a_preferred_other_answer_becomes_the_second_one(
    cast: Cast, project: Project, deployment: Deployment
) -> None:
    output = make_output(deployment)
    give(output=output, by=None, kind="preference", value={"other": "It floats.", "chosen": "other"})
    [sent] = harvest(project=project, by=cast.alice, floor=0)
    assert (sent.reason, texts_of(sent.task)[1]) == ("preference", "It floats.")


@pytest.mark.engine
def test_else_the_same_deployment_writes_a_second_answer(
    cast: Cast, project: Project, served: Deployment
) -> None:
    output = make_output(served)
    thumb(output)
    [sent] = harvest(project=project, by=cast.alice, floor=0)
    second = Output.objects.exclude(pk=output.pk).get()
    assert (sent.reason, sent.probability) == ("thumb_down", 1.0)
    assert texts_of(sent.task) == [output.text, second.text]
    assert second.prompt == output.prompt
    assert harvest(project=project, by=cast.alice, floor=1) == [], "the second answer is no output to send"


@pytest.mark.engine
def test_the_successor_of_a_retired_deployment_writes_the_second_answer(
    cast: Cast, project: Project, deployment: Deployment, lead_to, tmp_path
) -> None:
    thumb(make_output(deployment))
    other = register_tiny_model(cast.workspace, tmp_path, seed=18)
    successor = lead_to(deploy(workspace=cast.workspace, by=cast.alice, model=other, name="assistant"))
    [sent] = harvest(project=project, by=cast.alice, floor=0)
    assert sent.task.candidates.get(position=1).source["model"] == str(other.uid)
    assert Output.objects.filter(deployment=successor).count() == 1


@pytest.mark.engine
def test_a_prompt_that_the_successor_cannot_read_stays_where_it_is(
    cast: Cast, project: Project, served: Deployment
) -> None:
    long = make_output(served, prompt=[{"role": "user", "content": "x" * 200}])
    short = make_output(served)
    for output in (long, short):
        thumb(output)
    assert [sent.output for sent in harvest(project=project, by=cast.alice, floor=0)] == [short]
    with pytest.raises(NothingToSend, match="too long"):
        harvest(project=project, by=cast.alice, outputs=[long])


def test_while_the_model_is_down_what_needs_it_waits_and_the_rest_goes(
    cast: Cast, project: Project, deployment: Deployment, sockets
) -> None:
    waits, goes = make_outputs(deployment, 2)
    thumb(waits)
    correct(goes)
    assert [sent.output for sent in harvest(project=project, by=cast.alice, floor=0)] == [goes]
    assert not Harvest.objects.filter(output=waits).exists()


def test_what_no_model_can_answer_any_more_does_not_stand_in_the_way(
    cast: Cast, project: Project, deployment: Deployment
) -> None:
    outputs = make_outputs(deployment, 4)
    for output in outputs:
        thumb(output)
    retire(deployment=deployment, by=cast.alice)
    correct(outputs[3])
    assert [sent.output for sent in harvest(project=project, by=None, floor=0, limit=1)] == [outputs[3]]


def test_everything_that_feedback_speaks_against_goes_back_with_certainty(
    cast: Cast, writing: Project, deployment: Deployment
) -> None:
    down, low, corrected, preferred, up, high, kept, silent = make_outputs(deployment, 8)
    thumb(down)
    give(output=low, by=None, kind="score", value={"score": 0.49})
    correct(corrected)
    thumb(corrected)
    give(output=preferred, by=None, kind="preference", value={"other": "x", "chosen": "other"})
    thumb(up, up=True)
    give(output=high, by=None, kind="score", value={"score": 0.5})
    give(output=kept, by=None, kind="preference", value={"other": "x", "chosen": "output"})
    sent = harvest(project=writing, by=cast.alice, floor=0)
    assert reasons(sent) == {
        down.text: "thumb_down",
        low.text: "low_score",
        corrected.text: "corrected",
        preferred.text: "preference",
    }
    assert {found.probability for found in sent} == {1.0}
    assert silent.text not in reasons(sent)


def test_of_the_rest_the_floor_goes_back_and_asking_again_gives_no_second_chance(
    cast: Cast, writing: Project, deployment: Deployment
) -> None:
    outputs = make_outputs(deployment, 200)
    sent = harvest(project=writing, by=cast.alice, floor=0.3, limit=1000, seed=5)
    expected = {o.pk for o in outputs if share_of(project=writing, output_uid=o.uid, seed=5) < 0.3}
    assert {found.output_id for found in sent} == expected
    assert {(found.reason, found.probability) for found in sent} == {("random", 0.3)}
    assert harvest(project=writing, by=cast.alice, floor=0.3, limit=1000, seed=5) == []
    more = harvest(project=writing, by=cast.alice, floor=0.5, limit=1000, seed=5)
    assert {found.probability for found in more} == {0.5}


def test_the_floor_is_the_share_that_it_says(cast: Cast, writing: Project) -> None:
    """Over 40,000 ids the share lies within four standard errors (each .0011) of the floor."""
    shares = [share_of(project=writing, output_uid=number, seed=None) for number in range(40_000)]
    assert sum(share < 0.05 for share in shares) / len(shares) == pytest.approx(0.05, abs=0.0044)
    assert sum(shares) / len(shares) == pytest.approx(0.5, abs=0.006)


def test_a_limit_only_delays(cast: Cast, writing: Project, deployment: Deployment) -> None:
    outputs = make_outputs(deployment, 5)
    for output in outputs:
        thumb(output)
    batches = [harvest(project=writing, by=cast.alice, floor=0, limit=2) for _ in range(4)]
    assert [len(batch) for batch in batches] == [2, 2, 1, 0]
    assert [found.output for batch in batches for found in batch] == outputs
    assert set(Harvest.objects.values_list("probability", flat=True)) == {1.0}


def test_chosen_by_hand_they_go_once(cast: Cast, writing: Project, deployment: Deployment) -> None:
    outputs = make_outputs(deployment, 2)
    sent = harvest(project=writing, by=cast.alice, outputs=outputs)
    assert {(found.reason, found.probability, found.created_by) for found in sent} == {
        ("by_hand", 1.0, cast.alice)
    }
    with pytest.raises(NothingToSend):
        harvest(project=writing, by=cast.alice, outputs=outputs)
    assert Task.objects.filter(project=writing).count() == 2
    event = AuditEvent.objects.get(kind="harvested")
    assert event.detail == {"outputs": 2, "reasons": {"by_hand": 2}}


def test_an_output_may_go_to_two_projects(cast: Cast, writing: Project, deployment: Deployment) -> None:
    output = make_output(deployment)
    judging = make_project(cast, name="Judging", kind="classification", labels=["good", "bad"], aspects=[])
    harvest(project=writing, by=cast.alice, outputs=[output])
    [sent] = harvest(project=judging, by=cast.alice, outputs=[output])
    assert [message["role"] for message in sent.task.body.prompt["messages"]] == ["user", "assistant"]


def test_two_harvests_at_once_send_nothing_twice(committed_cast: Cast, tmp_path) -> None:
    model = make_model(committed_cast.workspace, tmp_path)
    deployment = deploy(workspace=committed_cast.workspace, by=None, model=model, name="assistant")
    for output in make_outputs(deployment, 6):
        thumb(output)
    project = make_project(committed_cast, kind="demonstration", aspects=[])
    sent = at_once(*[lambda: harvest(project=project, by=committed_cast.alice, floor=0)] * 4)
    assert sum(len(batch) for batch in sent) == 6
    assert Harvest.objects.count() == Task.objects.filter(project=project).count() == 6


def test_an_erased_output_goes_nowhere(cast: Cast, writing: Project, deployment: Deployment) -> None:
    make_output(deployment, "", erased_at=timezone.now())
    Erasure.objects.create(workspace=cast.workspace, subject_key="k" * 64)
    make_output(deployment, subject_key="k" * 64)
    assert harvest(project=writing, by=cast.alice, floor=1) == []


def test_what_is_about_a_person_stays_findable(cast: Cast, writing: Project, deployment: Deployment) -> None:
    output = make_output(deployment, subject_key="k" * 64)
    [sent] = harvest(project=writing, by=cast.alice, outputs=[output])
    assert sent.task.body.subject_key == "k" * 64


def test_outputs_of_one_deployment_only(cast: Cast, writing: Project, deployment: Deployment, model) -> None:
    other = deploy(workspace=cast.workspace, by=cast.alice, model=model, name="other")
    make_output(deployment)
    theirs = make_output(other)
    sent = harvest(project=writing, by=cast.alice, deployment=other, floor=1)
    assert [found.output for found in sent] == [theirs]


def test_nothing_of_another_workspace_is_ever_chosen(cast: Cast, deployment: Deployment) -> None:
    thumb(make_output(deployment))
    theirs = Project.objects.create(workspace=cast.charlie.workspace, name="Theirs", kind="demonstration")
    assert harvest(project=theirs, by=cast.charlie, floor=1) == []
    with pytest.raises(NothingToSend):
        harvest(project=theirs, by=cast.charlie, outputs=list(Output.objects.all()))


@pytest.mark.parametrize(
    "values", [{"floor": -0.1}, {"floor": 1.1}, {"floor": float("nan")}, {"limit": 0}, {"limit": 1001}]
)
def test_settings_out_of_range_are_refused(cast: Cast, writing: Project, values: dict[str, float]) -> None:
    with pytest.raises(HarvestRefused) as refusal:
        harvest(project=writing, by=cast.alice, **values)
    assert list(refusal.value.fields) == list(values)


def test_a_closed_project_takes_nothing(cast: Cast, writing: Project, deployment: Deployment) -> None:
    writing.state = Project.State.CLOSED
    writing.save()
    with pytest.raises(ProjectClosed):
        harvest(project=writing, by=cast.alice, outputs=[make_output(deployment)])


def test_an_annotator_gets_the_task_and_nothing_tells_where_it_comes_from(
    cast: Cast, project: Project, deployment: Deployment
) -> None:
    correct(make_output(deployment))
    harvest(project=project, by=cast.alice, floor=0)
    consenting(cast.bob)
    handed = queue.hand_out(membership=cast.bob, project=project)
    assert isinstance(handed, queue.Handed)
    page = cast.client(cast.bob).get(f"/w/acme/assignments/{handed.assignment.uid}/").content.decode()
    assert "A boat is a small ship." in page
    for secret in ("assistant", "harvest", "corrected", str(deployment.model.uid), "output:"):
        assert secret not in page.replace('role="assistant"', "")
