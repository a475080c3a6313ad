"""What qa decides about an answer when it comes in, and what it leaves to a reviewer."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from annotation.models import Annotation, Project
from annotation.submissions import revise
from qa import inbox, reviews
from qa.job_handlers import empty_inbox
from qa.models import Acceptance
from tests.annotation.worlds import add_tasks, make_project, more_annotators
from tests.conftest import Cast
from tests.qa.worlds import answer_of, file_order, label, rank, state_of, turned_round


def test_an_answer_without_a_reason_is_accepted_by_policy(crew: Cast, pairs: Project) -> None:
    annotation = rank(pairs, crew.bob)
    assert inbox.take() == 1
    assert state_of(annotation) == ("accepted", [])
    acceptance = Acceptance.objects.get()
    assert (acceptance.decided_by, acceptance.workspace) == (None, crew.workspace)
    annotation.refresh_from_db()
    assert annotation.checked_at is not None
    assert inbox.take() == 0


def test_the_workers_empty_the_inbox(crew: Cast, pairs: Project) -> None:
    rank(pairs, crew.bob)
    assert empty_inbox() == 1
    assert empty_inbox() == 0


def test_a_flag_of_the_annotator_is_for_a_person(crew: Cast, pairs: Project) -> None:
    annotation = rank(pairs, crew.bob, flags=["unsafe"])
    inbox.take()
    assert state_of(annotation) == ("open", ["flag"])


def test_two_who_contradict_each_other_are_both_looked_at(crew: Cast, pairs: Project) -> None:
    first = rank(pairs, crew.bob)
    inbox.take()
    assert state_of(first) == ("accepted", [])
    second = rank(pairs, crew.rita, turned_round)
    inbox.take()
    assert [state_of(row) for row in (first, second)] == [("open", ["disagreement"])] * 2


def test_of_three_the_outvoted_one_is_looked_at(crew: Cast) -> None:
    project = make_project(crew, overlap=3)
    add_tasks(project, 1)
    same = [rank(project, by) for by in (crew.bob, crew.rita)]
    odd = rank(project, crew.alice, turned_round)
    inbox.take()
    assert [state_of(row)[0] for row in same] == ["accepted", "accepted"]
    assert state_of(odd) == ("open", ["disagreement"])


def test_a_tie_contradicts_nobody(crew: Cast, pairs: Project) -> None:
    first = rank(pairs, crew.bob)
    tied = rank(pairs, crew.rita, lambda assignment: [[str(uid) for uid in assignment.shown_order]])
    inbox.take()
    assert state_of(first) == state_of(tied) == ("accepted", [])


def test_labels_disagree_when_most_others_chose_other_ones(crew: Cast) -> None:
    project = make_project(crew, kind="classification", labels=["good", "bad", "odd"], overlap=3, aspects=[])
    add_tasks(project, 1)
    kept = [label(project, by, "good") for by in (crew.bob, crew.rita)]
    odd = label(project, crew.alice, "bad")
    inbox.take()
    assert [state_of(row)[0] for row in kept] == ["accepted", "accepted"]
    assert state_of(odd) == ("open", ["disagreement"])


def test_a_correction_can_end_a_disagreement(crew: Cast, pairs: Project) -> None:
    first, second = rank(pairs, crew.bob), rank(pairs, crew.rita, turned_round)
    inbox.take()
    assignment = second.assignment
    mended = answer_of(assignment, {"ranking": file_order(assignment)})
    receipt = revise(assignment=assignment, answer=mended, revision=1)
    inbox.take()
    assert state_of(first) == ("accepted", [])
    assert state_of(Annotation.objects.get(uid=receipt.uid)) == ("accepted", [])


def test_what_a_person_decided_is_not_reopened_by_a_later_answer(crew: Cast, pairs: Project) -> None:
    first = rank(pairs, crew.bob)
    inbox.take()
    reviews.accept(acceptance=first.acceptance, by=crew.alice)
    rank(pairs, crew.rita, turned_round)
    inbox.take()
    assert state_of(first) == ("accepted", [])


def test_a_limit_leaves_the_rest_for_the_next_time(crew: Cast, pairs: Project) -> None:
    for _number in range(5):
        rank(pairs, crew.bob)
    assert [inbox.take(limit=3), inbox.take(limit=3), inbox.take(limit=3)] == [3, 2, 0]


def test_taking_a_batch_costs_the_same_however_large_it_is(
    crew: Cast, pairs: Project, django_assert_max_num_queries
) -> None:
    for by in (crew.bob, crew.rita):
        for _number in range(10):
            rank(pairs, by)
    with django_assert_max_num_queries(20):
        assert inbox.take_all(project=pairs) == 20


@pytest.mark.timeout(120)
def test_takers_at_once_miss_no_disagreement_and_make_nothing_twice(committed_crew: Cast) -> None:
    project = make_project(committed_crew, overlap=2)
    add_tasks(project, 30)
    people = more_annotators(committed_crew, 2)
    orders = (file_order, turned_round)

    def work(place: int) -> None:
        try:
            for _number in range(30):
                rank(project, people[place], orders[place])
                inbox.take(limit=7)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        for running in [pool.submit(work, place) for place in range(2)]:
            running.result()
    inbox.take_all(project=project)
    assert not Annotation.objects.filter(checked_at__isnull=True).exists()
    found = Acceptance.objects.values_list("state", "reasons")
    assert [(state, tuple(reasons)) for state, reasons in found] == [("open", ("disagreement",))] * 60
