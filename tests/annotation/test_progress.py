"""How far a project is: the person's own answers count at once, those of others within half a minute."""

import pytest
from django.core.cache import cache

from annotation.models import Standing
from annotation.progress import SECONDS_REMEMBERED, progress_of, recent_progress, veiled_progress_of
from tests.annotation.worlds import add_tasks, make_project
from tests.conftest import Cast


@pytest.fixture(autouse=True)
def forgotten():
    cache.clear()


def answered(cast: Cast, project, person, count: int) -> None:
    standing, _made = Standing.objects.get_or_create(
        workspace=cast.workspace, project=project, membership=person
    )
    standing.submitted_count = count
    standing.save()


def test_wanted_is_tasks_times_overlap(cast: Cast):
    project = make_project(cast, overlap=3)
    add_tasks(project, 4)
    answered(cast, project, cast.bob, 2)
    answered(cast, project, cast.rita, 1)
    progress = progress_of([project])[project.pk]
    assert (progress.tasks, progress.wanted, progress.submitted, progress.percent) == (4, 12, 3, 25)


def test_ones_own_answer_counts_at_once(cast: Cast, django_assert_num_queries):
    project = make_project(cast)
    add_tasks(project, 10)
    answered(cast, project, cast.rita, 3)
    assert recent_progress(project, person=cast.bob.pk, mine=0).submitted == 3
    answered(cast, project, cast.bob, 2)
    with django_assert_num_queries(0):
        assert recent_progress(project, person=cast.bob.pk, mine=2).submitted == 5


def test_other_peoples_answers_may_be_a_little_old(cast: Cast):
    project = make_project(cast)
    add_tasks(project, 10)
    assert recent_progress(project, person=cast.bob.pk, mine=0).submitted == 0
    answered(cast, project, cast.rita, 1)
    assert recent_progress(project, person=cast.bob.pk, mine=0).submitted == 0
    cache.clear()
    assert recent_progress(project, person=cast.bob.pk, mine=0).submitted == 1
    assert SECONDS_REMEMBERED <= 30


def test_more_gold_than_the_average_never_shows_more_answers_than_are_wanted(cast: Cast):
    project = make_project(cast, gold_every=5)
    add_tasks(project, 10)
    answered(cast, project, cast.bob, 14)
    progress = veiled_progress_of([project])[project.pk]
    assert (progress.submitted, progress.wanted, progress.percent) == (14, 14, 100)


def test_an_empty_project_is_at_zero(cast: Cast):
    project = make_project(cast)
    assert progress_of([project])[project.pk].percent == 0
