"""A task about an erased person stays out of the work, whatever is done to its project afterwards."""

import dataclasses
from pathlib import Path

import pytest

from annotation.imports import import_tasks
from annotation.models import Task
from annotation.projects import ProjectSettings, change_project, settings_of
from annotera.erased_texts import ERASED
from corpus.subjects import SubjectErased
from qa import gold
from tests.annotera.erased_world import ADA, MARK, OTHERS, World, build, erased, task
from tests.conftest import Cast


@pytest.fixture
def world(cast: Cast, tmp_path: Path) -> World:
    """Nobody has had the last two tasks."""
    built = build(cast, tmp_path)
    records = [task(30, MARK, subject=ADA), task(31, OTHERS, subject="ben")]
    import_tasks(project=built.project, records=records, by=cast.alice)
    return built


def test_more_overlap_brings_no_erased_task_back(world: World) -> None:
    hers = set(Task.objects.filter(body__prompt__icontains=MARK).values_list("pk", flat=True))
    erased(world)
    settings = dataclasses.replace(ProjectSettings(**settings_of(world.project)), overlap=5)
    change_project(membership=world.cast.alice, project=world.project, settings=settings)
    tasks = Task.objects.filter(project=world.project)
    assert len(hers) >= 2
    assert set(tasks.filter(open_slots=0).values_list("pk", flat=True)) == hers
    assert set(tasks.exclude(pk__in=hers).values_list("overlap", flat=True)) == {5}


def test_an_erased_task_becomes_no_gold(world: World) -> None:
    hers = Task.objects.get(external_id=f"{MARK}-30")
    erased(world)
    with pytest.raises(SubjectErased):
        gold.make_gold(task=hers, accepted=[{"ranking": [[0], [1]]}], by=world.cast.rita)
    hers.refresh_from_db()
    assert (hers.purpose, hers.open_slots) == ("work", 0)
    assert ERASED in str(hers.body.prompt)
