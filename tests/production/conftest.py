"""Deployed models: a tiny one that really answers, and deployments that lead to it."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from production.asking import socket_of
from production.deployments import deploy
from production.models import Deployment
from tests.conftest import Cast
from tests.production.residents import Inference, Resident
from tests.production.tiny_models import register_tiny_model, write_tiny_model
from training.models import ModelVersion


@pytest.fixture(scope="session")
def resident() -> Iterator[Resident]:
    """One process for all tests that only need somebody to answer."""
    # A unix socket's path has at most 107 bytes, so pytest's own directories may be too deep.
    directory = Path(tempfile.mkdtemp(prefix="resident-"))
    started = Resident(directory, model=write_tiny_model(directory / "model"))
    yield started.wait_until_ready()
    started.end()
    shutil.rmtree(directory)


@pytest.fixture
def sockets(settings) -> Iterator[Path]:
    """The sockets of this process's deployments, in a directory of their own."""
    directory = Path(tempfile.mkdtemp(prefix="sockets-"))
    settings.INFERENCE_SOCKETS = directory
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def model(cast: Cast, tmp_path: Path) -> ModelVersion:
    return register_tiny_model(cast.workspace, tmp_path)


@pytest.fixture
def deployment(cast: Cast, model: ModelVersion) -> Deployment:
    """Active, and nobody answers for it yet."""
    return deploy(workspace=cast.workspace, by=cast.alice, model=model, name="assistant")


@pytest.fixture
def lead_to(resident: Resident, sockets: Path) -> Callable[[Deployment], Deployment]:
    """Let the tests' resident answer for a deployment."""

    def lead(deployment: Deployment) -> Deployment:
        socket_of(deployment.pk).symlink_to(resident.socket)
        return deployment

    return lead


@pytest.fixture
def served(deployment: Deployment, lead_to: Callable[[Deployment], Deployment]) -> Deployment:
    return lead_to(deployment)


@pytest.fixture
def start_inference(own_storage: Path) -> Iterator[Callable[[], Inference]]:
    """Start `manage.py inference`; what still runs is ended with the test."""
    started: list[Inference] = []

    def start() -> Inference:
        started.append(Inference(storage=own_storage, log=own_storage / f"inference-{len(started)}.log"))
        return started[-1]

    yield start
    for inference in started:
        inference.end()
