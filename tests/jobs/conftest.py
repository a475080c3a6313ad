"""A broker for the session, and workers that end with their test."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import current_app

from accounts.models import Workspace
from jobs.launching import enqueue
from jobs.models import Job, Queue
from tests.conftest import Cast
from tests.jobs.processes import Broker, Worker


@pytest.fixture(scope="session")
def session_broker() -> Iterator[Broker]:
    # A unix socket's path has at most 107 bytes, so pytest's own directories may be too deep.
    directory = Path(tempfile.mkdtemp(prefix="jobs-"))
    broker = Broker(directory)
    broker.start()
    yield broker
    broker.kill()
    shutil.rmtree(directory)


@pytest.fixture
def broker(session_broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """The broker that both this process and the workers use; a test may kill it."""
    if session_broker.process is None:
        session_broker.start()
    session_broker.client.flushall()
    monkeypatch.setitem(current_app.conf, "broker_url", session_broker.url)
    yield session_broker


@pytest.fixture(scope="session")
def session_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture
def work_root(settings, session_directory: Path) -> Path:
    """Shared by this process and every worker, as in an installation."""
    settings.WORK_ROOT = session_directory / "work"
    return session_directory / "work"


@pytest.fixture(scope="module")
def module_workers(
    django_db_setup: None, session_broker: Broker, session_directory: Path
) -> Iterator[list[Worker]]:
    """At most one living worker, shared by the tests of a file that leave it alive."""
    workers: list[Worker] = []
    yield workers
    for worker in workers:
        worker.kill()


@pytest.fixture
def worker(broker: Broker, work_root: Path, module_workers: list[Worker], transactional_db: None) -> Worker:
    """A worker for tests that leave its main process alive."""
    if not module_workers or module_workers[-1].process.poll() is not None:
        log = work_root.parent / f"shared-{len(module_workers)}.log"
        module_workers.append(
            Worker(broker=broker, work=work_root, log=log, queues="light,training", name="shared")
        )
    return module_workers[-1].wait_until_ready()


@pytest.fixture
def start_worker(
    broker: Broker, work_root: Path, tmp_path: Path, module_workers: list[Worker]
) -> Iterator[Callable[..., Worker]]:
    """Start workers; those still alive are stopped when the test ends."""
    workers: list[Worker] = []
    # It would take the jobs that are meant for the test's own workers.
    for shared in module_workers:
        shared.kill()

    def start(*, queues: str = "light,training", wait: bool = True, **extra: str) -> Worker:
        name = f"w{len(workers)}"
        worker = Worker(
            broker=broker, work=work_root, log=tmp_path / f"{name}.log", queues=queues, name=name, **extra
        )
        workers.append(worker)
        return worker.wait_until_ready() if wait else worker

    yield start
    for worker in workers:
        worker.kill()


@pytest.fixture
def heard(tmp_path: Path) -> Path:
    """The file in which the tests' handlers note that they ran."""
    return tmp_path / "heard.jsonl"


@pytest.fixture
def launch(heard: Path) -> Callable[..., Job]:
    """Queue a job of one of the tests' kinds."""

    def launch_one(cast: Cast, kind: str, *, queue: str = Queue.LIGHT, **payload: Any) -> Job:
        options = {name: payload.pop(name) for name in ("priority", "max_attempts") if name in payload}
        workspace: Workspace = payload.pop("workspace", cast.workspace)
        return enqueue(
            workspace=workspace,
            kind=kind,
            queue=queue,
            title=payload.pop("title", kind),
            payload={"file": str(heard), **payload},
            created_by=cast.alice if workspace == cast.workspace else cast.charlie,
            **options,
        )

    return launch_one


@pytest.fixture
def ends(wait_for) -> Callable[..., Job]:
    """Wait until a job has ended and return its row."""

    def wait_for_end(job: Job, *, seconds: float = 30.0) -> Job:
        wait_for(lambda: Job.objects.get(pk=job.pk).has_ended, seconds=seconds, what="the end of the job")
        return Job.objects.get(pk=job.pk)

    return wait_for_end
