"""`manage.py inference`: a deployed model answers, whatever becomes of its process, until it is retired."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings

from annotera.embedded.children import ON_LINUX
from core.errors import Unavailable
from production.asking import socket_of
from production.deployments import deploy, retire
from production.generation import generate
from production.models import Deployment, Output
from tests.conftest import Cast, poll
from tests.jobs.processes import is_alive
from tests.production.residents import Inference
from tests.production.tiny_models import register_tiny_model
from training.models import ModelVersion

pytestmark = [
    pytest.mark.engine,
    pytest.mark.processes,
    pytest.mark.skipif(not ON_LINUX, reason="finds processes in /proc"),
]
MESSAGES = [{"role": "user", "content": "Hello"}]
START = 60


def is_ready(deployment: Deployment) -> bool:
    return Deployment.objects.filter(pk=deployment.pk, ready_at__isnull=False).exists()


def said(deployment: Deployment) -> str:
    output = generate(deployment=deployment, by=None, messages=MESSAGES, max_new_tokens=12, seed=3)
    return output.text


@pytest.fixture
def committed_model(committed_cast: Cast, tmp_path: Path) -> ModelVersion:
    return register_tiny_model(committed_cast.workspace, tmp_path)


def test_a_deployed_model_answers_survives_kill_9_and_is_gone_once_retired(
    committed_cast: Cast, committed_model: ModelVersion, start_inference: Callable[[], Inference]
) -> None:
    inference = start_inference()
    deployment = deploy(workspace=committed_cast.workspace, by=None, model=committed_model, name="assistant")
    with pytest.raises(Unavailable):
        said(deployment)
    poll(lambda: is_ready(deployment), seconds=START, what=inference.log.read_text())
    first = said(deployment)
    assert Output.objects.get().text == first

    [engine] = inference.engines()
    os.kill(engine, signal.SIGKILL)
    poll(lambda: inference.engines() not in ([], [engine]), seconds=START, what="another process")
    with pytest.raises(Unavailable):
        said(deployment)
    poll(lambda: is_ready(deployment), seconds=START, what="the model to be ready again")
    assert said(deployment) == first
    assert inference.memory() < 90

    retire(deployment=deployment, by=None)
    poll(lambda: not inference.engines(), what="the end of the process")
    poll(lambda: not socket_of(deployment.pk).exists(), what="the end of the socket")
    staged = Path(settings.WORK_ROOT) / "deployments"
    poll(lambda: not list(staged.iterdir()), what="the end of the staged model")
    assert inference.end() == 0


def test_after_kill_9_of_the_manager_its_engines_end_and_the_next_one_starts_them(
    committed_cast: Cast, committed_model: ModelVersion, start_inference: Callable[[], Inference]
) -> None:
    deployment = deploy(workspace=committed_cast.workspace, by=None, model=committed_model, name="assistant")
    first = start_inference()
    poll(lambda: is_ready(deployment), seconds=START, what="the model to be ready")
    [engine] = first.engines()
    first.end(signal.SIGKILL)
    poll(lambda: not is_alive(engine), what="the end of the engine")
    assert is_ready(deployment), "nobody was left to write it down"
    second = start_inference()
    poll(lambda: not is_ready(deployment), what="the row to be corrected")
    poll(lambda: is_ready(deployment), seconds=START, what="the model to be ready again")
    assert said(deployment)
    assert second.end(signal.SIGINT) == 0
    assert not socket_of(deployment.pk).exists()
    with pytest.raises(Unavailable):
        said(deployment)


def test_a_model_that_cannot_be_served_says_why_and_harms_no_other(
    committed_cast: Cast, committed_model: ModelVersion, start_inference: Callable[[], Inference]
) -> None:
    workspace = committed_cast.workspace
    manifest = committed_model.manifest | {"config": {"changed": True}}
    ModelVersion.objects.filter(pk=committed_model.pk).update(manifest=manifest)
    broken = deploy(workspace=workspace, by=None, model=committed_model, name="broken")
    inference = start_inference()
    poll(lambda: Deployment.objects.get(pk=broken.pk).failure, what="a failure")
    with pytest.raises(Unavailable) as refusal:
        said(broken)
    assert "The manifest of tiny 17 v1 was changed." in refusal.value.message
    assert refusal.value.retry_after == 30
    assert inference.process.poll() is None
    assert inference.engines() == []
