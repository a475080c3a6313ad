"""Erasing goes on after any crash: the next run ends as if there had been none."""

import os
import signal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.db import connection

from annotera import erased_texts, erasures
from corpus import erasing, versions
from corpus.models import DatasetVersion, Erasure
from tests.annotera.erased_world import MARK, OTHERS, World, build, erased, files_with, tables_with
from tests.conftest import Cast


@pytest.fixture
def world(cast: Cast, tmp_path: Path) -> World:
    return build(cast, tmp_path)


@pytest.mark.parametrize(
    "step",
    ["erase_texts", "erase_task_files", "erase_from_versions", "forget_samples", "erase_copies", "_finish"],
)
def test_after_a_crash_at_any_step_the_next_run_ends_the_same(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def dies(*args: object, **values: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken, pytest.raises(MemoryError):
        broken.setattr(erasures, step, dies)
        erased(world)
    erasure = erased(world)
    assert tables_with(MARK) == set() and files_with(MARK, tmp_path) == set()
    assert len(erasure.report["versions"]) == 2
    assert sorted(erasure.report["rows_by_version"].values()) == [1, 3]


def test_a_crash_between_two_versions_is_made_good(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = iter([True])

    def dies_the_second_time(*args: Any, **values: Any) -> Any:
        if next(once, None):
            return real(*args, **values)
        raise MemoryError

    real = erasing.rewrite_without
    with monkeypatch.context() as broken, pytest.raises(MemoryError):
        broken.setattr(erasing, "rewrite_without", dies_the_second_time)
        erased(world)
    assert DatasetVersion.objects.filter(redacted_at__isnull=False).count() == 1
    assert len(erased(world).report["versions"]) == 2
    assert files_with(MARK, tmp_path) == set()


@pytest.mark.parametrize(
    ("module", "step"),
    [(erased_texts, "_erase_documents"), (versions, "record"), (erasing, "delete_lost_files")],
    ids=["texts", "successor", "files"],
)
def test_a_killed_process_is_made_good_by_the_next_run(
    committed_cast: Cast, tmp_path: Path, module: ModuleType, step: str
) -> None:
    """What the killed one had committed stays, what it had not is gone, as after `kill -9` of a worker."""
    world = build(committed_cast, tmp_path)
    child = os.fork()
    if child == 0:
        try:
            # A connection of its own: the parent goes on with the one that both have open.
            connection.connection = None
            setattr(module, step, lambda *args, **values: os.kill(os.getpid(), signal.SIGKILL))
            erased(world)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert Erasure.objects.get().state == Erasure.State.QUEUED
    report = erased(world).report
    assert tables_with(MARK) == set() and files_with(MARK, tmp_path) == set()
    assert (len(report["versions"]), DatasetVersion.objects.count()) == (2, 4)
    assert sorted(report["rows_by_version"].values()) == [1, 3]


def test_what_killed_workers_left_goes_and_what_is_being_written_stays(world: World, tmp_path: Path) -> None:
    store = tmp_path / "blobs" / "ws" / str(world.cast.workspace.uid) / "ab"
    store.mkdir(exist_ok=True)
    kinds = ("freeze", "erase", "documents", "intake")
    old = [store / "one.part", *(tmp_path / "work" / f"{kind}-one" / "file" for kind in kinds)]
    new = [store / "two.part", *(tmp_path / "work" / f"{kind}-two" / "file" for kind in kinds)]
    for path in (*old, *new):
        path.parent.mkdir(exist_ok=True)
        path.write_text(MARK if path in old else OTHERS)
    for path in (old[0], *(file.parent for file in old[1:])):
        os.utime(path, (0, 0))
    erased(world)
    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in new)
