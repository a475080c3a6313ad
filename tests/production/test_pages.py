"""The pages of deployed models: what each role can do there, and what a refused form keeps."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Membership
from annotation.models import Project, Task
from jobs.models import Job
from jobs.registry import load_handlers
from jobs.running import run_next
from production.deployments import deploy, retire
from production.feedback import give
from production.harvest import harvest
from production.harvest_requests import JOB_KIND
from production.models import Deployment, Feedback, Harvest, Output
from production.traffic import traffic_of
from tests.annotation.worlds import make_project
from tests.annotera.hostile import LABELS, active_content, block
from tests.conftest import Cast
from tests.production.made import correct, make_output, make_outputs, thumb
from tests.training.registered import make_model


def text_of(response: Any) -> str:
    assert response.status_code == 200, response.content.decode()[:2000]
    return str(response.content.decode())


def page(cast: Cast, who: Membership, path: str, **headers: str) -> str:
    return text_of(cast.client(who).get(f"/w/acme/{path}", headers=headers))


def test_an_admin_deploys_from_the_list(cast: Cast, model) -> None:
    found = page(cast, cast.alice, f"deployments/?model={model.uid}")
    assert "No model answers yet" in found
    assert f'<option value="{model.uid}" selected>' in found
    sent = {"model": str(model.uid), "name": "assistant"}
    answer = cast.client(cast.alice).post("/w/acme/deployments/", sent)
    deployment = Deployment.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/w/acme/deployments/{deployment.uid}/")
    assert "loading" in page(cast, cast.rita, "deployments/")


def test_without_a_model_the_list_says_what_to_do_first(cast: Cast, tmp_path) -> None:
    found = page(cast, cast.alice, "deployments/")
    assert "There is no language model yet" in found
    assert "/w/acme/runs/new/pretrain/" in found


@pytest.mark.parametrize(
    "change", [{"name": ""}, {"name": "x" * 61}, {"model": "7"}, {"model": ""}, {"name": "a\x00b"}]
)
def test_a_refused_deployment_comes_back_with_what_was_typed(cast: Cast, model, change) -> None:
    sent = {"model": str(model.uid), "name": "kept words"} | change
    answer = cast.client(cast.alice).post("/w/acme/deployments/", sent)
    assert answer.status_code == 422
    assert not Deployment.objects.exists()


def test_a_reward_model_is_not_offered(cast: Cast, tmp_path) -> None:
    reward = make_model(cast.workspace, tmp_path, "reward")
    assert str(reward.uid) not in page(cast, cast.alice, "deployments/")


@pytest.mark.engine
def test_a_reviewer_asks_and_judges(cast: Cast, served: Deployment) -> None:
    client = cast.client(cast.rita)
    asked = {"prompt": "Hello\r\nyou", "max_new_tokens": "9", "temperature": "1"}
    answer = client.post(f"/w/acme/deployments/{served.uid}/generate/", asked)
    output = Output.objects.get()
    place = f"/w/acme/deployments/{served.uid}/?asked={output.uid}#ask"
    assert (answer.status_code, answer["Location"]) == (302, place)
    shown = text_of(client.get(place)).split('id="answer"')[1].split("</section>")[0]
    assert "Hello" in shown and "Thumb down" in shown and "9 tokens" in shown
    assert output.prompt == [{"role": "user", "content": "Hello\nyou"}]
    form = {"kind": "thumb", "up": "0", "once": "7", "back": "deployment"}
    for _ in range(2):
        judged = client.post(f"/w/acme/outputs/{output.uid}/feedback/", form)
        assert judged["Location"] == f"/w/acme/deployments/{served.uid}/#output-{output.uid}"
    assert Feedback.objects.get().value == {"up": False}
    assert text_of(client.get(f"/w/acme/outputs/{output.uid}/")).count("thumb down") == 1


def test_while_the_model_is_loaded_the_prompt_stays_in_the_form(
    cast: Cast, deployment: Deployment, sockets
) -> None:
    asked = {"prompt": "A long thought", "max_new_tokens": "9", "temperature": "1"}
    answer = cast.client(cast.rita).post(f"/w/acme/deployments/{deployment.uid}/generate/", asked)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    shown = answer.content.decode()
    assert "A long thought" in shown
    assert "The model is being loaded" in shown


def test_a_prompt_for_a_model_that_was_retired_meanwhile_is_not_lost(
    cast: Cast, deployment: Deployment
) -> None:
    retire(deployment=deployment, by=cast.alice)
    asked = {"prompt": "A long thought", "max_new_tokens": "9", "temperature": "1"}
    answer = cast.client(cast.rita).post(f"/w/acme/deployments/{deployment.uid}/generate/", asked)
    assert answer.status_code == 409
    shown = answer.content.decode()
    assert "A long thought" in shown
    assert "it answers no more" in shown
    assert "Generate</button>" not in shown


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": " "},
        {"prompt": "a\x00b"},
        {"max_new_tokens": "0"},
        {"temperature": "nan"},
        {"prompt": "\ud800"},
    ],
)
def test_a_bad_question_comes_back_with_its_reason(cast: Cast, deployment: Deployment, change) -> None:
    asked = {"prompt": "Hello", "max_new_tokens": "9", "temperature": "1"} | change
    asked = {name: value.encode("utf-8", "surrogatepass") for name, value in asked.items()}
    answer = cast.client(cast.rita).post(f"/w/acme/deployments/{deployment.uid}/generate/", asked)
    assert answer.status_code in {422, 503}
    assert not Output.objects.exists()


def test_the_state_follows_the_process(cast: Cast, deployment: Deployment) -> None:
    def state() -> str:
        return page(cast, cast.rita, f"deployments/{deployment.uid}/", **{"HX-Request": "true"})

    assert "takes some seconds" in state()
    Deployment.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    assert "manage.py inference" in state()
    Deployment.objects.update(failure="The disk is full.")
    assert "The disk is full." in state()
    Deployment.objects.update(failure="", ready_at=timezone.now())
    assert "ready" in state()
    retire(deployment=deployment, by=cast.alice)
    retired = state()
    assert "retired" in retired
    assert "hx-trigger" not in retired, "nothing changes any more"


def test_a_better_answer_is_kept_and_one_that_is_the_same_is_refused(
    cast: Cast, deployment: Deployment
) -> None:
    output = make_output(deployment, "A boat\nis a ship.")
    address = f"/w/acme/outputs/{output.uid}/feedback/"
    client = cast.client(cast.rita)
    same = client.post(address, {"kind": "correction", "text": "A boat\r\nis a ship."})
    assert same.status_code == 422
    assert "what the model wrote already" in same.content.decode()
    better = client.post(address, {"kind": "correction", "text": "A boat\r\nfloats.", "comment": "Wrong."})
    assert better.status_code == 302
    assert Feedback.objects.get().value == {"text": "A boat\nfloats."}
    assert "floats." in page(cast, cast.rita, f"outputs/{output.uid}/")


def test_a_better_answer_to_what_was_erased_meanwhile_is_not_lost(cast: Cast, deployment: Deployment) -> None:
    output = make_output(deployment, "", prompt=[], erased_at=timezone.now())
    sent = {"kind": "correction", "text": "A long thought", "comment": "A reason"}
    answer = cast.client(cast.rita).post(f"/w/acme/outputs/{output.uid}/feedback/", sent)
    assert answer.status_code == 409
    shown = answer.content.decode()
    for words in ("A long thought", "A reason", "The text of this output was erased"):
        assert words in shown
    assert "Keep the better answer" not in shown


def test_a_form_that_is_none_of_the_page_is_a_400(cast: Cast, deployment: Deployment) -> None:
    output = make_output(deployment)
    for sent in ({}, {"kind": "praise"}, {"kind": "preference"}):
        answer = cast.client(cast.rita).post(f"/w/acme/outputs/{output.uid}/feedback/", sent)
        assert answer.status_code == 400
    assert not Feedback.objects.exists()


def run_job() -> Job:
    """As a worker would."""
    load_handlers()
    queued = Job.objects.get(kind=JOB_KIND)
    assert run_next(queue="light", owner="test")
    queued.refresh_from_db()
    return queued


def test_an_output_goes_back_by_hand(cast: Cast, deployment: Deployment) -> None:
    project = make_project(cast, aspects=[])
    output = make_output(deployment)
    correct(output)
    answer = cast.client(cast.alice).post(
        f"/w/acme/outputs/{output.uid}/harvest/", {"project": str(project.uid)}
    )
    job = Job.objects.get(kind=JOB_KIND)
    assert (answer.status_code, answer["Location"]) == (302, f"/w/acme/jobs/{job.uid}/")
    assert run_job().result == {"tasks": 1}
    assert "1 output became a task" in page(cast, cast.alice, f"jobs/{job.uid}/")
    assert Harvest.objects.get().reason == "by_hand"
    found = page(cast, cast.rita, f"outputs/{output.uid}/")
    assert "chosen by a person" in found
    assert "probability 1" in found


def test_a_deployments_outputs_go_back_by_feedback(cast: Cast, deployment: Deployment) -> None:
    project = make_project(cast, kind="demonstration", aspects=[])
    thumb(make_output(deployment))
    make_outputs(deployment, 3)
    sent = {"project": str(project.uid), "floor": "0", "limit": "10"}
    answer = cast.client(cast.alice).post(f"/w/acme/deployments/{deployment.uid}/harvest/", sent)
    assert answer.status_code == 302
    assert run_job().result == {"tasks": 1}
    assert Task.objects.filter(project=project).count() == 1
    assert "sent back" in page(cast, cast.rita, f"deployments/{deployment.uid}/")


def test_a_harvest_that_can_send_nothing_says_so(cast: Cast, deployment: Deployment, sockets) -> None:
    project = make_project(cast, aspects=[])
    output = make_output(deployment)
    address = f"/w/acme/outputs/{output.uid}/harvest/"
    cast.client(cast.alice).post(address, {"project": str(project.uid)})
    job = run_job()
    assert job.state == "failed"
    assert "The model is being loaded or does not answer" in page(cast, cast.alice, f"jobs/{job.uid}/")


@pytest.mark.parametrize("change", [{"project": "7"}, {"floor": "101"}, {"floor": "nan"}, {"limit": "0"}])
def test_a_bad_harvest_form_starts_nothing(cast: Cast, deployment: Deployment, change) -> None:
    project = make_project(cast, kind="demonstration", aspects=[])
    sent = {"project": str(project.uid), "floor": "5", "limit": "10"} | change
    answer = cast.client(cast.alice).post(f"/w/acme/deployments/{deployment.uid}/harvest/", sent)
    assert answer.status_code == 422
    assert not Job.objects.filter(kind=JOB_KIND).exists()


def test_a_thumb_is_noted_in_its_place(cast: Cast, deployment: Deployment) -> None:
    output = make_output(deployment)
    form = {"kind": "thumb", "up": "1", "once": "7", "back": "deployment"}
    address = f"/w/acme/outputs/{output.uid}/feedback/"
    for _ in range(2):
        answer = text_of(cast.client(cast.rita).post(address, form, headers={"HX-Request": "true"}))
        assert "<html" not in answer and "Noted" in answer
        assert answer.count('<span class="thumb-count">1</span>') == 1
    assert Feedback.objects.count() == 1


def test_the_list_can_be_narrowed_to_what_needs_a_look(cast: Cast, deployment: Deployment) -> None:
    bad, good, scored, _plain, _second = (make_output(deployment, f"{n} answer") for n in "abcde")
    thumb(bad)
    thumb(good, up=True)
    give(output=scored, by=None, kind="score", value={"score": 0.2})
    Output.objects.filter(pk=_second.pk).update(settings={"second_to": str(bad.uid)})
    project = make_project(cast, kind="demonstration", aspects=[])
    harvest(project=project, by=cast.alice, outputs=[bad])
    shown = {
        show: {text[0] for row in rows_of(cast, deployment, show) for text in [row.text]}
        for show in ("", "against", "up", "unjudged", "sent", "second")
    }
    assert shown == {
        "": set("abcd"),
        "against": set("ac"),
        "up": set("b"),
        "unjudged": set("d"),
        "sent": set("a"),
        "second": set("e"),
    }


def rows_of(cast: Cast, deployment: Deployment, show: str) -> Any:
    answer = cast.client(cast.rita).get(f"/w/acme/deployments/{deployment.uid}/?show={show}")
    return answer.context["rows"]


def test_an_admin_sees_how_many_outputs_wait_for_annotators(cast: Cast, deployment: Deployment) -> None:
    outputs = make_outputs(deployment, 3)
    for output in outputs[:2]:
        thumb(output)
        correct(output)
    assert "2 wait" in page(cast, cast.alice, f"deployments/{deployment.uid}/")
    harvest(project=make_project(cast, kind="demonstration", aspects=[]), by=cast.alice, outputs=outputs[:1])
    assert "1 waits" in page(cast, cast.alice, f"deployments/{deployment.uid}/")


def test_a_count_that_ends_early_says_so_and_second_answers_were_not_asked(
    cast: Cast, deployment: Deployment
) -> None:
    outputs = make_outputs(deployment, 3)
    second = outputs[2]
    Output.objects.filter(pk=second.pk).update(settings={"second_to": str(outputs[0].uid)})
    thumb(second)
    found = traffic_of(deployment)
    assert (found.outputs.columns[-1].values, found.is_cut) == ([2], False)
    assert sum(found.feedback.columns[-1].values) == 1, "what was said of a second answer is feedback"
    assert traffic_of(deployment, most=3).is_cut
    assert not traffic_of(deployment, most=4).is_cut


def test_of_many_better_answers_the_newest_are_compared_and_all_are_shown(
    cast: Cast, deployment: Deployment
) -> None:
    output = make_output(deployment)
    for number in range(7):
        correct(output, text=f"{output.text} Better {number}.")
    shown = page(cast, cast.rita, f"outputs/{output.uid}/")
    assert shown.count('class="word-diff"') == 5
    assert all(f"Better {number}." in shown for number in range(7))


def test_traffic_and_feedback_are_counted_by_day(cast: Cast, deployment: Deployment) -> None:
    now = timezone.now()
    for days, count in ((0, 3), (2, 2), (40, 5)):
        for output in make_outputs(deployment, count):
            Output.objects.filter(pk=output.pk).update(created_at=now - timedelta(days=days))
            Feedback.objects.filter(pk=thumb(output, up=days == 0).pk).update(created_at=output.created_at)
    found = traffic_of(deployment)
    assert [column.values for column in found.outputs.columns][-3:] == [[2], [0], [3]]
    assert sum(values[0] for values in (column.values for column in found.outputs.columns)) == 5
    # Other feedback, thumbs down, thumbs up: all of it came today.
    assert found.feedback.columns[-1].values == [0, 7, 3]
    shown = page(cast, cast.rita, f"deployments/{deployment.uid}/")
    assert "Outputs per day" in shown and "As a table" in shown


@pytest.mark.parametrize("query", ["show=all", "asked=7", "asked=%00", "after=1"])
def test_a_wrong_question_about_a_deployment_is_refused(cast: Cast, deployment: Deployment, query) -> None:
    address = f"/w/acme/deployments/{deployment.uid}/?{query}"
    assert cast.client(cast.rita).get(address).status_code == 400


def test_an_answer_of_another_deployment_is_not_shown(cast: Cast, deployment: Deployment, model) -> None:
    other = deploy(workspace=cast.workspace, by=cast.alice, model=model, name="other")
    address = f"/w/acme/deployments/{deployment.uid}/?asked={make_output(other).uid}"
    assert cast.client(cast.rita).get(address).status_code == 404


def test_a_better_answer_is_shown_with_what_it_changed(cast: Cast, deployment: Deployment) -> None:
    output = make_output(deployment, "A boat is a ship.")
    correct(output, "A boat is a small ship.")
    found = page(cast, cast.rita, f"outputs/{output.uid}/")
    assert "<ins" in found and "<del" not in found
    assert "<h1>" in found and "What is a boat?" in found.split("<h1>")[1].split("</h1>")[0]


def test_a_closed_project_is_not_offered(cast: Cast, deployment: Deployment) -> None:
    closed = make_project(cast, name="Closed", state=Project.State.CLOSED)
    output = make_output(deployment)
    answer = cast.client(cast.alice).post(
        f"/w/acme/outputs/{output.uid}/harvest/", {"project": str(closed.uid)}
    )
    assert answer.status_code == 422
    assert "There is no open project" in page(cast, cast.alice, f"outputs/{output.uid}/")


def test_a_reviewer_sees_no_form_that_is_an_admins(cast: Cast, deployment: Deployment) -> None:
    make_project(cast)
    output = make_output(deployment)
    for path in ("deployments/", f"deployments/{deployment.uid}/", f"outputs/{output.uid}/"):
        found = page(cast, cast.rita, path)
        assert "/harvest/" not in found
        assert "/retire/" not in found
        assert "Deploy a model" not in found


def test_an_erased_output_shows_that_it_was_erased(cast: Cast, deployment: Deployment) -> None:
    output = make_output(deployment, "", prompt=[], erased_at=timezone.now())
    for path in (f"deployments/{deployment.uid}/", f"outputs/{output.uid}/"):
        assert "Erased" in page(cast, cast.rita, path)


def test_an_output_offers_to_ask_again_only_where_that_can_work(cast: Cast, deployment: Deployment) -> None:
    output, erased = make_output(deployment), make_output(deployment, "", prompt=[], erased_at=timezone.now())
    assert "Ask again" in page(cast, cast.rita, f"outputs/{output.uid}/")
    gone = page(cast, cast.rita, f"outputs/{erased.uid}/")
    assert "Ask again" not in gone
    assert "A thumb is enough" not in gone
    retire(deployment=deployment, by=cast.alice)
    assert "Ask again" not in page(cast, cast.rita, f"outputs/{output.uid}/")
    assert "Ask the model" not in page(cast, cast.rita, f"deployments/{deployment.uid}/")


def test_a_retired_deployment_that_wrote_nothing_has_nothing_to_send_back(
    cast: Cast, deployment: Deployment
) -> None:
    path = f"deployments/{deployment.uid}/"
    assert 'id="harvest"' in page(cast, cast.alice, path)
    retire(deployment=deployment, by=cast.alice)
    assert 'id="harvest"' not in page(cast, cast.alice, path)
    make_output(deployment)
    assert 'id="harvest"' in page(cast, cast.alice, path)


def test_every_kind_of_feedback_is_shown(cast: Cast, deployment: Deployment) -> None:
    output = make_output(deployment)
    thumb(output, up=True, by=cast.rita, comment="Well said")
    give(output=output, by=None, kind="score", value={"score": 0.25}, is_simulated=True)
    correct(output, "A better text")
    give(output=output, by=None, kind="preference", value={"other": "Another text", "chosen": "other"})
    found = page(cast, cast.rita, f"outputs/{output.uid}/")
    for words in ("thumb up", "Well said", "score 0.25", "simulated", "A better text", "Another text"):
        assert words in found


def test_the_pages_ask_as_much_for_sixty_rows_as_for_ten(cast: Cast, model) -> None:
    client = cast.client(cast.alice)
    project = make_project(cast, kind="demonstration", aspects=[])
    main = deploy(workspace=cast.workspace, by=cast.alice, model=model, name="main")
    counts = []
    for number in (10, 60):
        for place in range(number):
            other = deploy(workspace=cast.workspace, by=cast.alice, model=model, name=f"n{number}-{place}")
            retire(deployment=other, by=cast.alice)
        for output in make_outputs(main, number):
            thumb(output, by=cast.rita)
        harvest(project=project, by=cast.alice, floor=0, limit=number)
        asked = []
        for path in ("deployments/", f"deployments/{main.uid}/", f"outputs/{output.uid}/"):
            text_of(client.get(f"/w/acme/{path}"))
            with CaptureQueriesContext(connection) as queries:
                text_of(client.get(f"/w/acme/{path}"))
            asked.append(len(queries))
        counts.append(asked)
    assert counts[0] == counts[1]


def test_no_page_acts_on_what_models_and_people_wrote(cast: Cast, model) -> None:
    hostile = block("output")
    LABELS.discard("hostile-output")
    name = "<script>alert(1)</script>"
    deployment = deploy(workspace=cast.workspace, by=cast.alice, model=model, name=name)
    Deployment.objects.update(failure=hostile[:500])
    output = make_output(deployment, hostile, prompt=[{"role": "user", "content": hostile}])
    thumb(output, comment=hostile[:500])
    correct(output, f"{hostile} better")
    for path in ("deployments/", f"deployments/{deployment.uid}/", f"outputs/{output.uid}/"):
        found = page(cast, cast.alice, path)
        assert active_content(found) == [], path
        assert "alert(1)" in found or "hostile-output" in found
