"""A worker that trains, on a broker of the tests' own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from accounts.models import Membership
from corpus.models import DatasetVersion
from tests.conftest import Cast
from tests.corpus.frozen import freeze
from tests.jobs.conftest import broker, session_broker, start_worker, work_root
from tests.jobs.processes import Worker
from tests.training.engine.frozen_versions import tone_pairs

__all__ = ["broker", "session_broker", "start_worker", "work_root"]


@pytest.fixture
def training_worker(start_worker: Callable[..., Worker], own_storage: Path) -> Worker:
    return start_worker(queues="training,light", ANNOTERA_BLOB_ROOT=str(own_storage / "blobs"))


def freeze_tones(cast: Cast, *, by: Membership | None = None) -> DatasetVersion:
    """A hundred questions with polite answers preferred to rude ones."""
    return freeze(cast.workspace, rows=tone_pairs(), name="tones", by=by)
