"""Gold that comes in while somebody asks for erasure."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from accounts.models import Workspace
from annotation.copying import copy_tasks
from annotation.imports import ImportRefused
from annotation.models import Task
from corpus.models import Erasure
from corpus.subjects import subject_key, wait_for_writers
from qa import gold
from tests.annotation.worlds import make_project, task_record
from tests.conftest import Cast

RECORD = {**task_record(1), "subject": "mary@example.org", "gold": {"ranking": [[0], [1]]}}


class Waits(Exception):
    pass


def an_erasure_waits(workspace: Workspace) -> bool:
    def stop() -> None:
        raise Waits

    try:
        wait_for_writers(workspace=workspace, check_cancelled=stop)
    except Waits:
        return True
    finally:
        connection.close()
    return False


def test_an_erasure_waits_for_an_import_of_gold_that_found_nobody_erased(
    committed_crew: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(committed_crew, aspects=[])
    seen: list[bool] = []

    def watching(**values: Any) -> list[int]:
        with ThreadPoolExecutor(max_workers=1) as thread:
            seen.append(thread.submit(an_erasure_waits, committed_crew.workspace).result(timeout=30))
        return copy_tasks(**values)

    monkeypatch.setattr(gold, "copy_tasks", watching)
    gold.import_gold(project=project, records=[RECORD], by=committed_crew.rita)
    assert seen == [True]
    assert not an_erasure_waits(committed_crew.workspace)


def test_gold_about_an_erased_person_does_not_come_in(crew: Cast) -> None:
    key = subject_key(workspace=crew.workspace, identifier="mary@example.org")
    Erasure.objects.create(workspace=crew.workspace, subject_key=key)
    with pytest.raises(ImportRefused) as refused:
        gold.import_gold(project=make_project(crew, aspects=[]), records=[RECORD], by=crew.rita)
    assert "erased" in refused.value.fields["line 1"]
    assert not Task.objects.exists()
