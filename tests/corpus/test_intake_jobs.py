"""Uploads are read by workers that may be killed at any moment."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from corpus import cleaning_runs
from corpus.intake import read_now
from corpus.models import CleaningRun, Document, DocumentUpload
from jobs.failures import LeaseLost
from jobs.models import Job
from tests.conftest import Cast
from tests.corpus.collected import json_lines, make_source, upload
from tests.jobs.processes import Worker

MANY = json_lines(
    {"text": f"Text number {n} of many, and no other text says the same."} for n in range(30_000)
)


@pytest.mark.processes
def test_a_killed_worker_leaves_nothing_and_the_next_one_reads_it_all(
    committed_cast: Cast,
    start_worker: Callable[..., Worker],
    ends: Callable[..., Job],
    wait_for: Callable[..., None],
    settings: Any,
    tmp_path: Path,
) -> None:
    source = make_source(committed_cast)
    waiting = upload(source, committed_cast, MANY, folder=tmp_path)
    job: Any = waiting.job
    worker = start_worker(ANNOTERA_BLOB_ROOT=settings.BLOB_ROOT)
    wait_for(lambda: Job.objects.get(pk=job.pk).progress > 0.02, what="progress")
    worker.send_to_all(signal.SIGKILL)
    assert Job.objects.get(pk=job.pk).state == "running"
    assert not Document.objects.exists()
    assert DocumentUpload.objects.get().state == "queued"
    start_worker(ANNOTERA_BLOB_ROOT=settings.BLOB_ROOT)
    assert ends(job, seconds=60).result == {"documents": 30_000, "rejects": 0}
    assert Document.objects.count() == 30_000
    assert DocumentUpload.objects.get().sha256 == ""


class StoppedContext:
    """What a handler sees whose lease goes to another worker in the middle of the work."""

    def __init__(self, *, after: int) -> None:
        self.left = after

    def progress(self, *, fraction: float, sentence: str = "") -> None:
        self.left -= 1
        if self.left < 0:
            raise LeaseLost

    def fenced(self) -> Any:
        raise LeaseLost


@pytest.mark.parametrize("after", [0, 2, 100])
def test_a_reader_that_lost_its_lease_writes_nothing(cast: Cast, tmp_path: Path, after: int) -> None:
    content = json_lines({"text": f"Text {n}."} for n in range(5_000))
    waiting = upload(make_source(cast), cast, content, folder=tmp_path)
    with pytest.raises(LeaseLost):
        read_now(upload=waiting, context=StoppedContext(after=after))
    assert not Document.objects.exists()
    assert read_now(upload=waiting).documents == 5_000


@pytest.mark.parametrize("after", [0, 1, 100])
def test_a_cleaner_that_lost_its_lease_writes_nothing(cast: Cast, tmp_path: Path, after: int) -> None:
    source = make_source(cast)
    content = json_lines({"text": f"Text {n} schÃ¶n." if n % 2 else "Same."} for n in range(600))
    read_now(upload=upload(source, cast, content, folder=tmp_path))
    run = cleaning_runs.preview_now(cleaning_runs.preview(source=source, by=cast.alice))
    run = cleaning_runs.apply(run=run, by=cast.alice)
    before = list(Document.objects.order_by("pk").values())
    with pytest.raises(LeaseLost):
        cleaning_runs.apply_now(run, StoppedContext(after=after))
    assert list(Document.objects.order_by("pk").values()) == before
    assert CleaningRun.objects.get().state == "applying"
    assert cleaning_runs.apply_now(run).state == "applied"
    assert Document.objects.filter(state="removed").count() == 299
