"""Asking a deployed model: what it wrote is kept, what it cannot be asked is refused, nobody waits long."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event, Thread

import pytest
from django.db import connection
from django.db.models.signals import pre_save

from accounts.models import AuditEvent, Workspace
from core.errors import Unavailable
from corpus.models import Erasure
from corpus.subjects import SubjectErased, subject_key, wait_for_writers
from production.asking import MOST_WAITING, TooManyWait, ask, socket_of
from production.deployments import deploy, retire
from production.generation import DeploymentRetired, generate
from production.models import Deployment, Output
from production.prompts import MOST_MESSAGES, PromptRefused
from tests.conftest import Cast
from tests.production.tiny_models import CONTEXT
from tests.training.registered import make_model
from training.engine.serve_line import Door, Line, Reply, Request

pytestmark = pytest.mark.engine
USER = {"role": "user", "content": "Hello"}


def test_the_answer_is_kept_with_all_that_it_was_drawn_with(cast: Cast, served: Deployment) -> None:
    output = generate(
        deployment=served, by=cast.rita, messages=[USER], max_new_tokens=12, temperature=0.5, seed=3
    )
    kept = Output.objects.get()
    assert kept == output
    assert (kept.workspace, kept.deployment, kept.model) == (cast.workspace, served, served.model)
    assert kept.prompt == [USER]
    assert kept.text
    assert (kept.tokens, kept.created_by) == (12, cast.rita)
    assert kept.settings == {"max_new_tokens": 12, "temperature": 0.5, "seed": 3, "ended": False}


def test_without_a_seed_one_is_drawn_that_gives_the_same_answer_again(served: Deployment) -> None:
    first, other = (generate(deployment=served, by=None, messages=[USER]) for _ in range(2))
    assert first.settings["seed"] != other.settings["seed"]
    again = generate(deployment=served, by=None, messages=[USER], seed=first.settings["seed"])
    assert again.text == first.text != other.text


def test_what_the_database_cannot_keep_is_replaced(served: Deployment) -> None:
    """The tiny model writes any byte: over many answers also NUL."""
    texts = [
        generate(
            deployment=served, by=None, messages=[USER], max_new_tokens=80, temperature=5.0, seed=seed
        ).text
        for seed in range(12)
    ]
    assert not any("\x00" in text for text in texts)
    assert any("\ufffd" in text for text in texts)


BAD_MESSAGES = {
    "nothing": None,
    "a text": "Hello",
    "an empty list": [],
    "too many": [USER] * (MOST_MESSAGES + 1),
    "no object": ["Hello"],
    "a key more": [USER | {"name": "x"}],
    "no role": [{"content": "x"}],
    "a strange role": [{"role": "tool", "content": "x"}],
    "a role that is a list": [{"role": [], "content": "x"}],
    "no text": [{"role": "user", "content": 3}],
    "NUL": [{"role": "user", "content": "a\x00b"}],
    "half a character": [{"role": "user", "content": "\ud800"}],
    "nothing but space": [{"role": "user", "content": " \n"}],
    "the model speaks last": [USER, {"role": "assistant", "content": "x"}],
    "a system message later": [USER, {"role": "system", "content": "x"}, USER],
    "one too large": [{"role": "user", "content": "x" * 300_000}],
    "together too large": [{"role": "user", "content": "x" * 100_000}] * 3,
}


@pytest.mark.parametrize("messages", BAD_MESSAGES.values(), ids=BAD_MESSAGES.keys())
def test_messages_that_cannot_be_put_to_a_model_are_refused(deployment: Deployment, messages) -> None:
    with pytest.raises(PromptRefused) as refusal:
        generate(deployment=deployment, by=None, messages=messages)
    assert all(field.startswith("messages") for field in refusal.value.fields)
    assert not Output.objects.exists()


BAD_DRAWINGS = [
    ("max_new_tokens", 0), ("max_new_tokens", 1025), ("max_new_tokens", True), ("max_new_tokens", 1.5),
    ("temperature", -0.1), ("temperature", float("nan")), ("temperature", float("inf")),
    pytest.param("temperature", 10**400, id="temperature-huge"), ("temperature", True), ("temperature", "1"),
    ("seed", -1), ("seed", 2**31), ("seed", "x"), ("seed", 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD_DRAWINGS)
def test_a_drawing_out_of_range_names_its_field(deployment: Deployment, name: str, value) -> None:
    with pytest.raises(PromptRefused) as refusal:
        generate(deployment=deployment, by=None, messages=[USER], **{name: value})
    assert list(refusal.value.fields) == [name]


def test_a_prompt_that_the_model_cannot_read_is_refused_with_its_length(served: Deployment) -> None:
    with pytest.raises(PromptRefused) as refusal:
        generate(deployment=served, by=None, messages=[{"role": "user", "content": "x" * 100}])
    assert f"103 tokens, and this model reads fewer than {CONTEXT}" in refusal.value.message
    assert not Output.objects.exists()


def test_while_nobody_answers_it_is_unavailable_and_nothing_is_kept(deployment: Deployment, sockets) -> None:
    with pytest.raises(Unavailable) as refusal:
        generate(deployment=deployment, by=None, messages=[USER])
    assert refusal.value.retry_after == 5
    assert not Output.objects.exists()


def test_a_socket_that_answers_nonsense_is_unavailable(deployment: Deployment, sockets) -> None:
    """A file in the place of the socket, as after a crash."""
    socket_of(deployment.pk).write_text("not a socket")
    with pytest.raises(Unavailable):
        generate(deployment=deployment, by=None, messages=[USER])


def test_a_web_process_keeps_threads_free_for_pages(deployment: Deployment, sockets: Path) -> None:
    """Those that may wait are given a model that does not answer yet; the next one is refused at once."""
    go, line = Event(), Line()

    def answer(request: Request) -> Reply:
        go.wait(20)
        return {"text": "at last", "tokens": 2, "ended": True, "milliseconds": 5}

    door = Door(socket_of(deployment.pk), line)
    door.open()
    writer = Thread(target=line.serve, args=(answer,))
    writer.start()
    question = {"messages": [USER], "max_new_tokens": 4, "temperature": 1.0, "seed": 1}
    with ThreadPoolExecutor(MOST_WAITING + 1) as pool:
        asked = [pool.submit(ask, deployment, question) for _ in range(MOST_WAITING + 1)]
        [refused], waiting = wait(asked, return_when=FIRST_COMPLETED)
        assert isinstance(refused.exception(), TooManyWait)
        with pytest.raises(Unavailable) as refusal:
            generate(deployment=deployment, by=None, messages=[USER])
        assert refusal.value.retry_after == 2
        go.set()
        assert [reply.result()["text"] for reply in waiting] == ["at last"] * MOST_WAITING
    assert generate(deployment=deployment, by=None, messages=[USER]).text == "at last"
    line.close()
    writer.join()
    door.close()


def test_a_retired_deployment_answers_no_more(cast: Cast, served: Deployment) -> None:
    retire(deployment=served, by=cast.alice)
    with pytest.raises(DeploymentRetired):
        generate(deployment=served, by=None, messages=[USER])


def test_what_is_about_a_person_is_kept_under_their_key(cast: Cast, served: Deployment) -> None:
    output = generate(deployment=served, by=None, messages=[USER], subject="Ada@Example.org ")
    assert output.subject_key == subject_key(workspace=cast.workspace, identifier="ada@example.org")


def test_an_erased_person_is_refused(cast: Cast, served: Deployment) -> None:
    key = subject_key(workspace=cast.workspace, identifier="ada")
    Erasure.objects.create(workspace=cast.workspace, subject_key=key)
    with pytest.raises(SubjectErased):
        generate(deployment=served, by=None, messages=[USER], subject="Ada")
    assert not Output.objects.exists()


def test_a_person_who_is_erased_while_the_model_writes_leaves_nothing_behind(
    committed_cast: Cast, sockets: Path, tmp_path: Path
) -> None:
    workspace = committed_cast.workspace
    model = make_model(workspace, tmp_path)
    deployment = deploy(workspace=workspace, by=None, model=model, name="assistant")

    def write_slowly(request: Request) -> Reply:
        key = subject_key(workspace=workspace, identifier="ada")
        Erasure.objects.create(workspace=workspace, subject_key=key)
        connection.close()
        return {"text": "Ada likes boats.", "tokens": 4, "ended": True, "milliseconds": 5}

    line = Line()
    door = Door(socket_of(deployment.pk), line)
    door.open()
    writer = Thread(target=line.serve, args=(write_slowly,))
    writer.start()
    with pytest.raises(SubjectErased):
        generate(deployment=deployment, by=None, messages=[USER], subject="Ada")
    line.close()
    writer.join()
    door.close()
    assert not Output.objects.exists()


class Waits(Exception):
    """The erasure would wait."""


def erasing_waits(workspace: Workspace) -> bool:
    def look() -> None:
        raise Waits

    try:
        wait_for_writers(workspace=workspace, check_cancelled=look)
    except Waits:
        return True
    finally:
        connection.close()
    return False


def test_an_erasure_that_comes_while_an_answer_is_being_kept_waits_for_it(
    committed_cast: Cast, lead_to: Callable[[Deployment], Deployment], tmp_path: Path
) -> None:
    workspace = committed_cast.workspace
    model = make_model(workspace, tmp_path)
    deployment = lead_to(deploy(workspace=workspace, by=None, model=model, name="assistant"))
    waited: list[bool] = []

    def erasure_comes(**_: object) -> None:
        with ThreadPoolExecutor(1) as thread:
            waited.append(thread.submit(erasing_waits, workspace).result())

    pre_save.connect(erasure_comes, sender=Output)
    try:
        generate(deployment=deployment, by=None, messages=[USER], subject="Ada")
    finally:
        pre_save.disconnect(erasure_comes, sender=Output)
    assert waited == [True]


def test_asking_is_no_event_of_the_audit(served: Deployment) -> None:
    before = AuditEvent.objects.count()
    generate(deployment=served, by=None, messages=[USER])
    assert AuditEvent.objects.count() == before
