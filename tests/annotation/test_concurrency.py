"""Two at the same moment: one wins, the other is told, nothing is doubled."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from accounts.models import Membership
from annotation.drafts import StaleDraft, save_draft
from annotation.imports import import_at_once
from annotation.kinds.ranking import parse_answer
from annotation.leases import expire_leases
from annotation.models import Annotation, Assignment, Guideline, Project, Task, TaskImport
from annotation.projects import (
    NameTaken,
    ProjectSettings,
    change_project,
    check_settings,
    create_project,
    publish_guideline,
    settings_of,
)
from annotation.queue import Handed, hand_out
from annotation.skipping import skip
from annotation.standings import accept_warning, lock_standing
from annotation.submissions import NotTaken, revise, submit
from annotation.uploads import NotWaiting, confirm
from core.errors import Conflict, DomainError
from tests.annotation.worlds import add_tasks, an_answer, make_project, more_annotators, rules_of


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Run all at the same moment on connections of their own; a refusal is a result too."""
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        try:
            barrier.wait(10)
            return act()
        except DomainError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [done.result() for done in [pool.submit(run, act) for act in acts]]


@pytest.fixture
def project(committed_crew) -> Project:
    project = make_project(committed_crew)
    add_tasks(project, 3)
    return project


@pytest.fixture
def bob(committed_crew) -> Membership:
    return committed_crew.bob


@pytest.fixture
def assignment(bob, project) -> Assignment:
    return hand_out(membership=bob, project=project).assignment


def reversed_answer(assignment):
    rules = rules_of(assignment)
    return parse_answer({"ranking": list(reversed(rules.shown_order))}, rules=rules)


def test_many_windows_of_one_person_get_one_task(bob, project):
    handed = at_once(*[lambda: hand_out(membership=bob, project=project)] * 8)
    assert all(isinstance(one, Handed) for one in handed)
    assert len({one.assignment.uid for one in handed}) == 1
    assert Task.objects.filter(open_slots=0).count() == 1


def test_many_people_get_different_tasks(committed_crew, project):
    people = more_annotators(committed_crew, 3)
    handed = at_once(
        *[lambda person=person: hand_out(membership=person, project=project) for person in people]
    )
    assert len({one.assignment.task_id for one in handed}) == 3


def test_the_same_answer_twice_gets_one_receipt(assignment):
    answer = an_answer(assignment)
    receipts = at_once(*[lambda: submit(assignment=assignment, answer=answer)] * 6)
    assert len(set(receipts)) == 1
    assert Annotation.objects.count() == 1


def test_different_answers_at_once_leave_one_and_refuse_the_others(assignment):
    one, other = an_answer(assignment), reversed_answer(assignment)
    results = at_once(
        *[lambda answer=answer: submit(assignment=assignment, answer=answer) for answer in [one, other] * 4]
    )
    receipts = {result for result in results if not isinstance(result, DomainError)}
    assert len(receipts) == 1
    assert sum(isinstance(result, NotTaken) for result in results) == 4
    assert Annotation.objects.count() == 1


def test_two_corrections_of_one_revision_leave_one(assignment):
    submit(assignment=assignment, answer=an_answer(assignment))
    results = at_once(
        lambda: revise(assignment=assignment, answer=reversed_answer(assignment), revision=1),
        lambda: revise(assignment=assignment, answer=an_answer(assignment, rationale="x"), revision=1),
    )
    assert sum(isinstance(result, NotTaken) for result in results) == 1
    assert Annotation.objects.filter(is_current=True).count() == 1
    assert Annotation.objects.count() == 2


def test_a_skip_and_a_submit_at_once_end_in_a_stored_answer(assignment):
    for _ in range(2):
        at_once(
            lambda: submit(assignment=assignment, answer=an_answer(assignment)),
            lambda: skip(assignment=assignment),
        )
    assert Annotation.objects.count() == 1
    assert Task.objects.get(pk=assignment.task_id).open_slots == 0


def test_a_submit_and_the_sweep_at_once_keep_the_answer_and_the_slots(assignment):
    Assignment.objects.update(lease_until="2026-01-01T00:00Z")
    at_once(
        lambda: submit(assignment=assignment, answer=an_answer(assignment)),
        expire_leases,
        expire_leases,
    )
    assert Annotation.objects.count() == 1
    assert Task.objects.get(pk=assignment.task_id).open_slots == 0
    assert Assignment.objects.get(pk=assignment.pk).state == "submitted"


def test_two_drafts_on_one_version_leave_one(assignment):
    results = at_once(
        *[
            lambda text=text: save_draft(assignment=assignment, fields={"rationale": [text]}, version=0)
            for text in "ab"
        ]
    )
    assert sum(isinstance(result, StaleDraft) for result in results) == 1
    assert Assignment.objects.get().draft_version == 1


def test_guidelines_published_at_once_are_numbered_one_after_the_other(committed_crew, project):
    at_once(
        *[
            lambda text=text: publish_guideline(membership=committed_crew.alice, project=project, text=text)
            for text in ("a", "b", "c")
        ]
    )
    assert sorted(Guideline.objects.values_list("number", flat=True)) == [1, 2, 3]


def test_a_name_is_given_once(committed_crew):
    settings = ProjectSettings(name="Same")
    results = at_once(*[lambda: create_project(membership=committed_crew.alice, settings=settings)] * 4)
    assert sum(isinstance(result, NameTaken) for result in results) == 3
    assert Project.objects.count() == 1


def test_the_same_ids_imported_at_once_are_stored_once(committed_crew, project):
    body = b'{"id": "x1", "prompt": "p", "candidates": ["a", "b"]}'
    results = at_once(
        *[lambda: import_at_once(membership=committed_crew.alice, project=project, body=body)] * 4
    )
    assert sum(isinstance(result, DomainError) for result in results) == 3
    assert Task.objects.filter(external_id="x1").count() == 1


def test_an_import_is_confirmed_once(committed_crew, project):
    batch = TaskImport.objects.create(workspace=project.workspace, project=project, state="preview", rows=1)
    results = at_once(*[lambda: confirm(membership=committed_crew.alice, batch=batch, skip_bad=False)] * 4)
    assert sum(isinstance(result, NotWaiting) for result in results) == 3
    assert all(isinstance(result, TaskImport | Conflict) for result in results)


def a_lock_is_awaited() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("change", [{"content_warning": "Violence"}, {"content_warning": "x", "name": "New"}])
def test_new_settings_and_work_under_way_never_wait_for_each_other(
    committed_crew, project, bob, wait_for, change
):
    settings = check_settings({**settings_of(project), **change})
    accept_warning(membership=bob, project=project)

    def change_settings() -> Project:
        try:
            return change_project(membership=committed_crew.alice, project=project, settings=settings)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        # Bob's request holds his standing, Alice's waits for it: now his must not wait for hers.
        with transaction.atomic():
            lock_standing(membership=bob, project=project)
            changed = pool.submit(change_settings)
            wait_for(a_lock_is_awaited, what="Alice's request waits for Bob's")
            handed = hand_out(membership=bob, project=project)
        assert isinstance(handed, Handed)
        assert changed.result(10).content_warning == change["content_warning"]


def test_a_new_overlap_waits_for_a_task_that_is_just_taken(committed_crew, project, bob, wait_for):
    settings = check_settings({**settings_of(project), "overlap": 2})

    def change_settings() -> Project:
        try:
            return change_project(membership=committed_crew.alice, project=project, settings=settings)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            # All tasks are held as a hand-out holds them, before the new lease refers to the project.
            list(Task.objects.select_for_update().filter(project=project))
            changed = pool.submit(change_settings)
            wait_for(a_lock_is_awaited, what="Alice's request waits for the tasks")
            assert isinstance(hand_out(membership=bob, project=project), Handed)
        assert changed.result(10).overlap == 2
    assert sorted(Task.objects.values_list("open_slots", flat=True)) == [1, 2, 2]
