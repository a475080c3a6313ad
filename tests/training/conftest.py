"""A worker that trains, on a broker of these tests' own."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import current_app

from corpus.models import DatasetVersion
from tests.conftest import Cast
from tests.corpus.frozen import freeze
from tests.jobs.processes import Broker, Worker
from tests.training.engine.frozen_versions import tone_pairs


@pytest.fixture(scope="session")
def training_broker() -> Iterator[Broker]:
    # A unix socket's path has at most 107 bytes, so pytest's own directories may be too deep.
    directory = Path(tempfile.mkdtemp(prefix="train-"))
    broker = Broker(directory)
    broker.start()
    yield broker
    broker.kill()
    shutil.rmtree(directory)


@pytest.fixture
def broker(training_broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Broker:
    """The broker that both this process and the workers use."""
    training_broker.client.flushall()
    monkeypatch.setitem(current_app.conf, "broker_url", training_broker.url)
    return training_broker


@pytest.fixture
def start_training_worker(broker: Broker, own_storage: Path) -> Iterator[Callable[[], Worker]]:
    """Start workers on the test's own blobs and working files; they end with the test."""
    workers: list[Worker] = []

    def start() -> Worker:
        name = f"t{len(workers)}"
        worker = Worker(
            broker=broker,
            work=own_storage / "work",
            log=own_storage / f"{name}.log",
            queues="training,light",
            name=name,
            ANNOTERA_BLOB_ROOT=str(own_storage / "blobs"),
        )
        workers.append(worker)
        return worker.wait_until_ready()

    yield start
    for worker in workers:
        worker.kill()


@pytest.fixture
def training_worker(start_training_worker: Callable[[], Worker]) -> Worker:
    return start_training_worker()


def freeze_tones(cast: Cast) -> DatasetVersion:
    """A hundred questions with polite answers preferred to rude ones."""
    return freeze(cast.workspace, rows=tone_pairs(), name="tones")
