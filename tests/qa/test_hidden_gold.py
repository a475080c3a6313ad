"""Gold looks like work: on the page, in the API, in every counter, and in when it comes."""

import itertools
import random
import re
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection

from annotation import hidden_gold
from annotation.copying import copy_tasks, new_uids
from annotation.emptiness import Nothing
from annotation.kinds.ranking_task import parse_task
from annotation.models import Assignment, Candidate, Project, Standing, Task
from annotation.queue import hand_out
from annotation.skipping import skip
from annotation.submissions import submit
from core.ids import uuid7
from tests.annotation.worlds import add_tasks, form_of, make_project, more_annotators, task_record
from tests.conftest import Cast
from tests.qa.worlds import add_gold, answer_of, file_order, first_shown, is_gold, put, rank, take, work_off

SHAPE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}|\d+")


@pytest.fixture(autouse=True)
def forgotten() -> None:
    cache.clear()


@pytest.fixture
def project(crew: Cast) -> Project:
    project = make_project(crew, gold_every=3)
    add_tasks(project, 60)
    add_gold(project, 40, by=crew.rita)
    return project


def gold_and_work(project: Project, crew: Cast) -> dict[bool, Assignment]:
    """One open assignment of each sort, in Bob's hands one after the other."""
    found: dict[bool, Assignment] = {}
    while len(found) < 2:
        assignment = take(project, crew.bob)
        found.setdefault(is_gold(assignment), assignment)
        put(assignment, {"ranking": first_shown(assignment)})
    return found


def shape(text: str) -> str:
    """The answer without its own texts and numbers."""
    return SHAPE.sub("#", re.sub(r"csrfmiddlewaretoken\" value=\"[^\"]+", "", text))


def test_the_page_of_gold_has_the_shape_of_any_page(crew: Cast, project: Project) -> None:
    client = crew.client(crew.bob)
    pages = {
        sort: client.get(f"/w/acme/assignments/{assignment.uid}/").content.decode()
        for sort, assignment in gold_and_work(project, crew).items()
    }
    assert shape(pages[True]).splitlines() == shape(pages[False]).splitlines()
    assert not re.search(r"gold|purpose", pages[True], re.IGNORECASE)


def test_the_api_says_the_same_of_gold_as_of_work(crew: Cast, project: Project) -> None:
    api = crew.api(crew.bob)
    answers: dict[bool, dict[str, Any]] = {}
    while len(answers) < 2:
        given = api.post(f"/api/v1/projects/{project.uid}/next/").json()["assignment"]
        assignment = Assignment.objects.select_related("project").get(uid=given["uid"])
        answers.setdefault(is_gold(assignment), given)
        put(assignment, {"ranking": file_order(assignment)})
    assert answers[True].keys() == answers[False].keys()
    assert shape(str(answers[True].keys())) == shape(str(answers[False].keys()))
    assert answers[True]["candidates"][0].keys() == answers[False]["candidates"][0].keys()
    assert "gold" not in str(answers[True])


def test_candidates_of_later_gold_are_as_old_as_those_of_work(crew: Cast, project: Project) -> None:
    """The first 48 bits of an identifier are its time; a later import must not show in the browser."""
    found = gold_and_work(project, crew)
    times = {sort: {uid.int >> 80 for uid in row.shown_order} for sort, row in found.items()}
    work = Candidate.objects.filter(task__purpose="work").values_list("uid", flat=True)
    assert times[True] <= {uid.int >> 80 for uid in work}


def ages_of(task: Task) -> set[int]:
    return {uid.int >> 80 for uid in task.candidates.values_list("uid", flat=True)}


def test_gold_is_as_old_as_any_of_the_work_and_all_its_candidates_are_of_one_age(crew: Cast) -> None:
    """Work is imported task by task, at many times: no age that is odd within a task or among the tasks."""
    project = make_project(crew, gold_every=3)
    clock = itertools.count(uuid7().int >> 80)

    def a_moment_later(count: int) -> list[uuid.UUID]:
        time = next(clock) << 80
        return [uuid.UUID(int=time | uid.int & ((1 << 80) - 1)) for uid in new_uids(count)]

    records = [parse_task(task_record(number), maximum=9) for number in range(250)]
    copy_tasks(project=project, tasks=records, import_id=None, name_candidates=a_moment_later)
    work = [ages_of(task) for task in Task.objects.order_by("pk")]
    gold = [ages_of(made.task) for made in add_gold(project, 60, by=crew.rita)]
    assert all(ages in work for ages in gold)
    assert any(ages in work[:125] for ages in gold), "only as old as the newest work"


def test_an_answer_to_gold_moves_every_counter_that_the_person_sees(crew: Cast, project: Project) -> None:
    """With one person at work, a counter that stood still would tell."""
    client, seen = crew.client(crew.bob), []
    for answered in range(12):
        cache.clear()
        assignment = take(project, crew.bob)
        page = client.get(f"/w/acme/assignments/{assignment.uid}/").content.decode()
        seen.append(re.findall(r"(\d+)&thinsp;/&thinsp;(\d+)", page)[0])
        overview = client.get(f"/w/acme/projects/{project.uid}/").content.decode()
        assert re.search(rf"\b{answered} of 80 answers", overview)
        put(assignment, {"ranking": file_order(assignment)})
    assert seen == [(str(number), "80") for number in range(12)]


def test_only_reviewers_and_admins_learn_how_often_gold_comes(crew: Cast, project: Project) -> None:
    address = f"/api/v1/projects/{project.uid}/"
    assert "gold" not in crew.api(crew.bob).get(address).content.decode()
    assert "gold" not in crew.api(crew.bob).get("/api/v1/projects/").content.decode()
    assert crew.api(crew.rita).get(address).json()["gold_every"] == 3
    client = crew.client(crew.bob)
    for page in ("", "guideline/", "queue/"):
        assert "gold" not in client.get(f"/w/acme/projects/{project.uid}/{page}").content.decode().lower()
    take(project, crew.bob)
    assert "gold" not in client.get("/w/acme/me/work/").content.decode().lower()


def test_undo_and_correction_work_on_gold_as_on_work(crew: Cast, project: Project) -> None:
    client = crew.client(crew.bob)
    for assignment in gold_and_work(project, crew).values():
        answer = client.post(
            f"/w/acme/assignments/{assignment.uid}/submit/", form_of(assignment, revision="1")
        )
        assert answer.status_code == 303, answer.content


def test_gold_comes_about_as_often_as_asked_and_never_by_count(
    crew: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The draw is the system's; a mean over hundred of them would fail once in some thousand runs.
    monkeypatch.setattr(hidden_gold, "CHANCE", random.Random(3))
    project = make_project(crew, gold_every=4)
    add_tasks(project, 80)
    add_gold(project, 60, by=crew.rita)
    gaps = []
    since = 0
    for _number in range(100):
        assignment = take(project, crew.bob)
        since += 1
        if is_gold(assignment):
            gaps.append(since)
            since = 0
        put(assignment, {"ranking": file_order(assignment)})
    assert max(gaps) <= 8
    assert len(set(gaps)) >= 3
    assert 2.5 <= sum(gaps) / len(gaps) <= 5.5


def test_skipping_calls_up_no_more_gold(crew: Cast, project: Project) -> None:
    assignment = take(project, crew.bob)
    while not is_gold(assignment):
        put(assignment, {"ranking": file_order(assignment)})
        assignment = take(project, crew.bob)
    for _number in range(10):
        skip(assignment=assignment)
        assignment = take(project, crew.bob)
        assert not is_gold(assignment)


def test_a_gold_task_that_ran_out_comes_back_or_not_but_never_twice(crew: Cast, project: Project) -> None:
    work_off(project, crew.bob)
    assert Assignment.objects.count() == Assignment.objects.values("task", "membership").distinct().count()


def test_without_gold_in_store_only_work_comes(crew: Cast) -> None:
    project = make_project(crew, gold_every=2)
    add_tasks(project, 10)
    assert work_off(project, crew.bob) == 0
    assert Standing.objects.get(membership=crew.bob).submitted_count == 10


def test_gold_is_in_no_export(crew: Cast, project: Project) -> None:
    work_off(project, crew.bob)
    lines = b"".join(crew.client(crew.alice).get(f"/w/acme/projects/{project.uid}/export/"))
    assert lines.count(b"\n") == 60


def test_when_all_work_is_done_the_queue_says_so(crew: Cast, project: Project) -> None:
    work_off(project, crew.bob)
    nothing = hand_out(membership=crew.bob, project=project)
    assert isinstance(nothing, Nothing)
    assert nothing.reason == "done"


def test_a_hand_out_with_gold_costs_one_query_more(
    crew: Cast, project: Project, django_assert_max_num_queries: Any
) -> None:
    rank(project, crew.bob)
    for _number in range(8):
        with django_assert_max_num_queries(6):
            assignment = take(project, crew.bob)
        put(assignment, {"ranking": file_order(assignment)})


def test_a_cycle_of_submit_and_next_keeps_its_budget_of_queries(
    crew: Cast, project: Project, django_assert_max_num_queries: Any
) -> None:
    rank(project, crew.bob)
    assignment = take(project, crew.bob)
    for _number in range(8):
        answer = answer_of(assignment, {"ranking": file_order(assignment)})
        with django_assert_max_num_queries(12):
            submit(assignment=assignment, answer=answer)
            assignment = take(project, crew.bob)


@pytest.mark.timeout(180)
def test_many_at_once_get_each_gold_task_at_most_once_and_all_the_work(committed_crew: Cast) -> None:
    project = make_project(committed_crew, gold_every=2, overlap=2)
    add_tasks(project, 40)
    add_gold(project, 6, by=committed_crew.rita)
    people = more_annotators(committed_crew, 8)
    barrier = threading.Barrier(len(people))

    def work(place: int) -> None:
        try:
            barrier.wait(30)
            while not isinstance(handed := hand_out(membership=people[place], project=project), Nothing):
                put(handed.assignment, {"ranking": file_order(handed.assignment)})
        finally:
            connection.close()

    with ThreadPoolExecutor(len(people)) as pool:
        for running in [pool.submit(work, place) for place in range(len(people))]:
            running.result()
    answered = Assignment.objects.filter(state="submitted").values_list("task__purpose", "task", "membership")
    assert max(Counter(answered).values()) == 1
    by_purpose = Counter(purpose for purpose, _task, _person in answered)
    assert by_purpose["work"] == 80
    assert by_purpose["gold"] > 0
    assert not Task.objects.filter(purpose="work", open_slots__gt=0).exists()
