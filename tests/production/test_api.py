"""Deployed models over HTTP, as a program meets them."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.tokens import create_token
from annotation.models import Project, Task
from core.ids import uuid7
from jobs.models import Job
from jobs.registry import kinds_for, load_handlers
from production.deployments import deploy, retire
from production.harvest import harvest
from production.harvest_requests import JOB_KIND
from production.models import Deployment, Feedback, Output
from tests.annotation.worlds import make_project
from tests.conftest import Cast
from tests.production.made import make_output, make_outputs, thumb
from tests.production.tiny_models import CONTEXT

GENERATE, FEEDBACK = "/api/v1/generate", "/api/v1/feedback"


@pytest.fixture
def script(cast: Cast) -> Client:
    """With a token of Rita's, a reviewer."""
    return with_token(cast.rita)


def with_token(membership) -> Client:
    _token, secret = create_token(membership=membership, name="script")
    return Client(headers={"Authorization": f"Token {secret}"})


def post(client: Client, address: str, body: Any) -> Any:
    return client.post(address, body, content_type="application/json")


@pytest.mark.engine
def test_a_question_is_answered_and_feedback_names_the_answer(
    cast: Cast, script: Client, served: Deployment
) -> None:
    answer = post(
        script, GENERATE, {"deployment": "assistant", "prompt": "Hello", "max_new_tokens": 9, "seed": 3}
    )
    assert answer.status_code == 201, answer.content
    told = answer.json()
    kept = Output.objects.get()
    assert told == {
        "output": str(kept.uid), "text": kept.text, "deployment": "assistant", "model": str(served.model.uid),
        "tokens": 9, "milliseconds": kept.milliseconds, "seed": 3, "ended": False,
    }  # fmt: skip
    assert (kept.prompt, kept.created_by) == ([{"role": "user", "content": "Hello"}], cast.rita)
    said = post(script, FEEDBACK, {"output": told["output"], "kind": "thumb", "value": {"up": False}})
    assert said.status_code == 201
    whole = script.get(f"/api/v1/outputs/{told['output']}/").json()
    assert [entry["value"] for entry in whole["feedback"]] == [{"up": False}]


@pytest.mark.engine
def test_the_same_seed_and_messages_give_the_same_text(script: Client, served: Deployment) -> None:
    body = {
        "deployment": "assistant",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}],
        "max_new_tokens": 9,
        "seed": 3,
    }
    texts = [post(script, GENERATE, body).json()["text"] for _ in range(2)]
    assert texts[0] == texts[1]


@pytest.mark.engine
def test_a_prompt_that_is_too_long_is_a_422_that_names_it(script: Client, served: Deployment) -> None:
    answer = post(script, GENERATE, {"deployment": "assistant", "prompt": "x" * CONTEXT})
    assert answer.status_code == 422
    assert "tokens" in answer.json()["error"]["fields"]["messages"]
    assert not Output.objects.exists()


def test_while_the_model_is_loaded_a_program_is_told_when_to_come_back(
    script: Client, deployment: Deployment, sockets
) -> None:
    answer = post(script, GENERATE, {"deployment": "assistant", "prompt": "Hello"})
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer.json()["error"]["code"] == "unavailable"
    Deployment.objects.update(failure="The disk is full.")
    answer = post(script, GENERATE, {"deployment": "assistant", "prompt": "Hello"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert "The disk is full." in answer.json()["error"]["message"]


BAD_QUESTIONS: dict[str, dict[str, Any]] = {
    "deployment": {"deployment": 3},
    "messages": {"prompt": None, "messages": []},
    "prompt": {"promt": "x"},
    "max_new_tokens": {"max_new_tokens": "many"},
    "temperature": {"temperature": -1},
    "seed": {"seed": 2**40},
    "subject": {"subject": ["Ada"]},
}


@pytest.mark.parametrize("change", BAD_QUESTIONS.values(), ids=BAD_QUESTIONS.keys())
def test_a_bad_question_is_a_422_that_names_the_field(script: Client, deployment, change) -> None:
    answer = post(script, GENERATE, {"deployment": "assistant", "prompt": "Hello"} | change)
    assert answer.status_code == 422, answer.content
    assert len(answer.json()["error"]["fields"]) == 1
    assert not Output.objects.exists()


def test_neither_prompt_nor_messages_is_a_422(script: Client, deployment: Deployment) -> None:
    assert post(script, GENERATE, {"deployment": "assistant"}).status_code == 422


@pytest.mark.parametrize("name", ["nobody", "a\x00b", "\ud800", "", "x" * 1000])
def test_a_name_under_which_nobody_answers_is_a_404(script: Client, deployment, name: str) -> None:
    answer = post(script, GENERATE, json.dumps({"deployment": name, "prompt": "Hello"}))
    assert answer.status_code == 404
    assert list(answer.json()["error"]["fields"]) == ["deployment"]


def test_a_retired_name_is_a_404(cast: Cast, script: Client, deployment: Deployment) -> None:
    retire(deployment=deployment, by=cast.alice)
    assert post(script, GENERATE, {"deployment": "assistant", "prompt": "Hello"}).status_code == 404


def test_another_workspace_finds_nothing(cast: Cast, deployment: Deployment) -> None:
    output = make_output(deployment)
    stranger = with_token(cast.charlie)
    unknown = uuid7()
    for uid in (output.uid, unknown):
        answer = post(stranger, FEEDBACK, {"output": str(uid), "kind": "thumb", "value": {"up": True}})
        assert answer.status_code == 404
        assert stranger.get(f"/api/v1/outputs/{uid}/").status_code == 404
    assert post(stranger, GENERATE, {"deployment": "assistant", "prompt": "Hello"}).status_code == 404
    assert stranger.get("/api/v1/outputs/").json()["results"] == []
    assert stranger.get("/api/v1/deployments/").json()["results"] == []
    assert stranger.get(f"/api/v1/outputs/?deployment={deployment.uid}").status_code == 404
    assert not Feedback.objects.exists()


def test_feedback_sent_again_is_kept_once_and_other_content_is_a_409(
    script: Client, deployment: Deployment
) -> None:
    body = {
        "output": str(make_output(deployment).uid),
        "kind": "score",
        "value": {"score": 0.25},
        "identifier": "ticket-7",
        "comment": "Too short.",
    }
    first, again = post(script, FEEDBACK, body), post(script, FEEDBACK, body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = post(script, FEEDBACK, body | {"value": {"score": 0.5}})
    assert other.status_code == 409
    assert other.json()["error"]["code"] == "identifier_reused"
    assert Feedback.objects.get().value == {"score": 0.25}


BAD_FEEDBACK: list[dict[str, Any]] = [
    {"output": "7"}, {"output": None}, {"kind": "praise"}, {"kind": ["thumb"]}, {"value": None},
    {"value": {"up": "yes"}}, {"value": "up"}, {"comment": 3}, {"comment": "x" * 2001},
    {"identifier": "x" * 129}, {"identifier": ["a"]}, {"extra": 1}, {"is_simulated": True},
]  # fmt: skip


@pytest.mark.parametrize("change", BAD_FEEDBACK)
def test_bad_feedback_is_a_422_and_nothing_is_kept(script: Client, deployment, change) -> None:
    body = {"output": str(make_output(deployment).uid), "kind": "thumb", "value": {"up": True}} | change
    answer = post(script, FEEDBACK, body)
    assert answer.status_code == 422, answer.content
    assert len(answer.json()["error"]["fields"]) == 1
    assert not Feedback.objects.exists()


@pytest.mark.parametrize("address", [GENERATE, FEEDBACK, "/api/v1/deployments/"])
@pytest.mark.parametrize("body", [b"[]", b"{", b'{"a": NaN}', b"\xff", b"[" * 100_000, b'"x"', b"null"])
def test_what_is_no_object_is_a_400(cast: Cast, address: str, body: bytes) -> None:
    assert post(with_token(cast.alice), address, body).status_code == 400


def test_an_admin_deploys_and_retires(cast: Cast, model) -> None:
    admin = with_token(cast.alice)
    made = post(admin, "/api/v1/deployments/", {"model": str(model.uid), "name": "assistant"})
    assert (made.status_code, made.json()["state"], made.json()["ready_at"]) == (201, "active", None)
    address = f"/api/v1/deployments/{made.json()['uid']}/"
    assert admin.get(address).json() == made.json()
    assert [admin.delete(address).json()["state"] for _ in range(2)] == ["retired", "retired"]


@pytest.mark.parametrize(
    ("change", "field"),
    [({"model": "7"}, "model"), ({"model": None}, "model"), ({"name": "a\nb"}, "name"),
     ({"name": ""}, "name"), ({"nam": "x"}, "nam")],
)  # fmt: skip
def test_a_bad_deployment_names_its_field(cast: Cast, model, change, field: str) -> None:
    body = {"model": str(model.uid), "name": "assistant"} | change
    answer = post(with_token(cast.alice), "/api/v1/deployments/", body)
    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == [field]
    assert not Deployment.objects.exists()


def test_harvesting_is_a_job_that_a_repeat_does_not_start_again(cast: Cast, deployment: Deployment) -> None:
    project = make_project(cast, kind="demonstration", aspects=[])
    thumb(make_output(deployment))
    admin = with_token(cast.alice)
    address = f"/api/v1/projects/{project.uid}/harvest/"
    answers = [
        admin.post(address, {"floor": 0}, "application/json", headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    job = Job.objects.get(kind=JOB_KIND)
    assert answers[1].json() == {"job": str(job.uid)}
    assert (job.queue, job.payload["floor"]) == ("light", 0.0)


@pytest.mark.parametrize(
    "change", [{"floor": 2}, {"limit": 0}, {"outputs": "all"}, {"outputs": ["7"]}, {"seed": -1}, {"flor": 1}]
)
def test_a_bad_harvest_starts_nothing(cast: Cast, deployment: Deployment, change: dict[str, Any]) -> None:
    project = make_project(cast, kind="demonstration", aspects=[])
    answer = post(with_token(cast.alice), f"/api/v1/projects/{project.uid}/harvest/", change)
    assert answer.status_code == 422
    assert not Job.objects.filter(kind=JOB_KIND).exists()


def test_outputs_of_another_workspace_cannot_be_harvested(cast: Cast, deployment: Deployment) -> None:
    theirs = Project.objects.create(workspace=cast.charlie.workspace, name="Theirs", kind="demonstration")
    body = {"outputs": [str(make_output(deployment).uid)]}
    answer = post(with_token(cast.charlie), f"/api/v1/projects/{theirs.uid}/harvest/", body)
    assert answer.status_code == 404
    assert not Job.objects.filter(kind=JOB_KIND).exists()
    assert not Task.objects.exists()


def test_an_output_tells_as_which_task_it_went_back_and_why(
    cast: Cast, script: Client, deployment: Deployment
) -> None:
    project = make_project(cast, kind="demonstration", aspects=[])
    output = make_output(deployment)
    thumb(output)
    [sent] = harvest(project=project, by=cast.alice, floor=0)
    told = script.get(f"/api/v1/outputs/{output.uid}/").json()["sent_back"]
    assert [(row["project"], row["task"], row["reason"], row["probability"]) for row in told] == [
        (str(project.uid), str(sent.task.uid), "thumb_down", 1.0)
    ]


def test_the_worker_knows_the_job(cast: Cast) -> None:
    load_handlers()
    assert JOB_KIND in kinds_for("light")
    assert JOB_KIND not in kinds_for("training")


@pytest.mark.parametrize("address", ["/api/v1/outputs/", "/api/v1/deployments/"])
def test_a_list_asks_as_much_for_sixty_rows_as_for_ten(cast: Cast, model, address: str) -> None:
    script = with_token(cast.rita)
    counts = []
    for number in range(2):
        for place in range(10 if number == 0 else 50):
            made = deploy(workspace=cast.workspace, by=None, model=model, name=f"n{number}-{place}")
            retire(deployment=made, by=None)
        make_outputs(made, 10 if number == 0 else 50)
        script.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert script.get(address).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_lists_page_by_cursor(cast: Cast, script: Client, deployment: Deployment) -> None:
    made = make_outputs(deployment, 60)
    first = script.get("/api/v1/outputs/").json()
    rest = script.get("/api/v1/outputs/", {"before": first["next"]}).json()
    uids = [row["uid"] for row in first["results"] + rest["results"]]
    assert uids == [str(output.uid) for output in reversed(made)]
    assert rest["next"] is None
