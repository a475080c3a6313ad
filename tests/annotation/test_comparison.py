"""Two answers of a task word by word, as a fragment for the person who ranks them."""

import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse

from annotation.models import Assignment, Task, TaskBody
from annotation.queue import Handed, hand_out
from annotation.skipping import skip
from annotation.submissions import submit
from tests.annotation.worlds import add_tasks, an_answer, make_project, writing_project
from tests.conftest import Cast

SENTENCES = ("Keep it in a cool place.", "Keep it in a warm place.", "Keep it in a cool place.")


@pytest.fixture
def assignment(crew: Cast) -> Assignment:
    project = make_project(crew)
    add_tasks(project, 2, candidates=3)
    for body in TaskBody.objects.all():
        texts = iter(SENTENCES)
        for message in body.candidates.values():
            message["parts"] = [{"type": "text", "text": next(texts)}]
        body.save()
    return taken(crew, project)


def taken(crew: Cast, project) -> Assignment:
    handed = hand_out(membership=crew.bob, project=project)
    assert isinstance(handed, Handed)
    return handed.assignment


def address(assignment: Assignment, one: object, other: object) -> str:
    return reverse("assignment-compare", args=["acme", assignment.uid, one, other])


def of_text(assignment: Assignment, sentence: str) -> list[uuid.UUID]:
    body = TaskBody.objects.get(pk=assignment.task_id)
    found = [
        uid for uid in assignment.shown_order if body.candidates[str(uid)]["parts"][0]["text"] == sentence
    ]
    return sorted(found, key=assignment.shown_order.index)


def letter(assignment: Assignment, uid: uuid.UUID) -> str:
    return "ABC"[assignment.shown_order.index(uid)]


def test_it_shows_what_only_one_of_the_two_says(crew: Cast, assignment: Assignment) -> None:
    [warm], [cool, _same] = of_text(assignment, SENTENCES[1]), of_text(assignment, SENTENCES[0])
    answer = crew.client(crew.bob).get(address(assignment, warm, cool))
    html = re.sub(r"<span class=\"hidden-visually\"[^>]*>[^<]*</span>", "", answer.content.decode())
    assert answer.status_code == 200
    assert '<del dir="auto">cool </del><ins dir="auto">warm </ins>' in html
    assert f"only in {letter(assignment, cool)}</del>" in html
    assert f"only in {letter(assignment, warm)}</ins>" in html
    assert 'data-places="1"' in html and "<html" not in html


def test_screen_readers_hear_where_a_change_begins_and_ends(crew: Cast, assignment: Assignment) -> None:
    [warm], [cool, _same] = of_text(assignment, SENTENCES[1]), of_text(assignment, SENTENCES[0])
    html = crew.client(crew.bob).get(address(assignment, warm, cool)).content.decode()
    assert re.search(r"removed: </span>cool <.*end of removed.*added: </span>warm <.*end of added", html)


def test_two_equal_texts_are_said_to_be_equal(crew: Cast, assignment: Assignment) -> None:
    one, other = of_text(assignment, SENTENCES[0])
    html = crew.client(crew.bob).get(address(assignment, one, other)).content.decode()
    assert "are the same, word for word" in html and 'data-places="0"' in html


def test_what_was_not_shown_to_this_person_does_not_exist(crew: Cast, assignment: Assignment) -> None:
    [shown, *_] = assignment.shown_order
    [of_another_task, *_] = TaskBody.objects.exclude(pk=assignment.task_id).get().candidates
    bob = crew.client(crew.bob)
    for one, other in [(shown, of_another_task), (of_another_task, shown), (uuid.uuid4(), shown)]:
        assert bob.get(address(assignment, one, other)).status_code == 404
    for stranger in (crew.rita, crew.alice):
        assert crew.client(stranger).get(address(assignment, shown, shown)).status_code == 404
    assert bob.post(address(assignment, shown, shown)).status_code == 405


def test_it_is_open_as_long_as_the_page_of_the_task_is(crew: Cast, assignment: Assignment) -> None:
    bob = crew.client(crew.bob)
    submit(assignment=assignment, answer=an_answer(assignment))
    assert bob.get(address(assignment, *assignment.shown_order[:2])).status_code == 200
    skipped = taken(crew, assignment.project)
    skip(assignment=skipped, reason="other")
    of_task = reverse("assignment", args=["acme", skipped.uid])
    comparison = bob.get(address(skipped, *skipped.shown_order[:2]))
    assert comparison.status_code == bob.get(of_task).status_code


def test_a_gold_task_answers_in_the_same_way_and_no_source_is_named(
    crew: Cast, assignment: Assignment
) -> None:
    [warm], [cool, _same] = of_text(assignment, SENTENCES[1]), of_text(assignment, SENTENCES[0])
    bob = crew.client(crew.bob)
    before = bob.get(address(assignment, warm, cool))
    Task.objects.filter(pk=assignment.task_id).update(purpose=Task.Purpose.GOLD)
    after = bob.get(address(assignment, warm, cool))
    assert after.content == before.content
    assert [*after.headers] == [*before.headers]
    assert b"secret-model" not in after.content and b"gold" not in after.content


def test_an_answer_in_arabic_runs_from_the_right_whatever_it_replaces(
    crew: Cast, assignment: Assignment
) -> None:
    one, other = assignment.shown_order[:2]
    body = TaskBody.objects.get(pk=assignment.task_id)
    body.candidates[str(one)]["parts"][0]["text"] = "1. ضعه في مكان بارد"
    body.save()
    bob: Client = crew.client(crew.bob)
    assert 'class="word-diff" dir="rtl"' in bob.get(address(assignment, one, other)).content.decode()
    assert 'class="word-diff" dir="ltr"' in bob.get(address(assignment, other, one)).content.decode()


def test_texts_are_shown_as_text(crew: Cast) -> None:
    project = make_project(crew, name="Hostile")
    add_tasks(project, 1)
    body = TaskBody.objects.get(task__project=project)
    for number, message in enumerate(body.candidates.values()):
        message["parts"][0]["text"] = f"<script>alert({number})</script> <b>{number}</b>"
    body.save()
    assignment = taken(crew, project)
    html = crew.client(crew.bob).get(address(assignment, *assignment.shown_order)).content.decode()
    assert "<script" not in html and "<b>" not in html and "&lt;script&gt;" in html


def test_a_task_without_answers_has_nothing_to_compare(crew: Cast) -> None:
    assignment = taken(crew, writing_project(crew))
    assert crew.client(crew.bob).get(address(assignment, uuid.uuid4(), uuid.uuid4())).status_code == 404


def test_it_costs_few_queries(crew: Cast, assignment: Assignment, django_assert_max_num_queries) -> None:
    bob = crew.client(crew.bob)
    with django_assert_max_num_queries(5):
        bob.get(address(assignment, *assignment.shown_order[:2]))
