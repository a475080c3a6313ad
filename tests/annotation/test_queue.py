"""What the queue hands out, in which order, and why it hands out nothing."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import RecordingConsent
from annotation import queue
from annotation.drafts import save_draft
from annotation.emptiness import Nothing, Reason
from annotation.leases import expire_leases
from annotation.models import Assignment, Project, Standing, Task, WorkEvent
from annotation.queue import Handed, LeaseOver, extend, hand_out
from annotation.skipping import skip
from annotation.standings import accept_warning
from annotation.submissions import submit
from tests.annotation.worlds import add_tasks, an_answer, make_project, more_annotators


def given(person, project) -> Assignment:
    handed = hand_out(membership=person, project=project)
    assert isinstance(handed, Handed), handed
    return handed.assignment


def nothing(person, project) -> Nothing:
    found = hand_out(membership=person, project=project)
    assert isinstance(found, Nothing), found
    return found


def answer_next(person, project) -> Assignment:
    assignment = given(person, project)
    submit(assignment=assignment, answer=an_answer(assignment))
    return assignment


def end_lease(assignment) -> None:
    Assignment.objects.filter(pk=assignment.pk).update(lease_until=Now() - timedelta(seconds=1))


def numbers(assignments) -> list[str]:
    return [Task.objects.get(pk=assignment.task_id).external_id for assignment in assignments]


def test_tasks_come_in_the_order_of_the_file(crew):
    project = make_project(crew)
    add_tasks(project, 3)
    assert numbers([answer_next(crew.bob, project) for _ in range(3)]) == ["t0", "t1", "t2"]


def test_an_open_task_is_resumed_not_replaced(crew):
    project = make_project(crew)
    add_tasks(project, 2)
    first = given(crew.bob, project)
    again = hand_out(membership=crew.bob, project=project)
    assert again.resumed
    assert again.assignment.uid == first.uid
    assert again.assignment.lease_until >= first.lease_until
    assert Task.objects.filter(open_slots=0).count() == 1


def test_two_people_never_hold_one_slot(crew):
    project = make_project(crew)
    add_tasks(project, 1)
    given(crew.bob, project)
    empty = nothing(crew.rita, project)
    assert empty.reason == Reason.HELD_BY_OTHERS
    assert empty.held_by_others == 1
    assert 0 < empty.retry_after <= project.lease_seconds
    until = timezone.localtime(Assignment.objects.get().lease_until)
    assert f"until {until:%H:%M} at the latest" in empty.sentence


def test_overlap_lets_different_people_answer_the_same_task(crew):
    project = make_project(crew, overlap=2)
    add_tasks(project, 1)
    tasks = {answer_next(person, project).task_id for person in (crew.bob, crew.rita)}
    assert len(tasks) == 1
    assert Task.objects.get().open_slots == 0
    assert nothing(crew.alice, project).reason == Reason.DONE


def test_nobody_gets_a_task_twice(crew):
    project = make_project(crew, overlap=3)
    add_tasks(project, 2)
    for _ in range(2):
        answer_next(crew.bob, project)
    assert nothing(crew.bob, project).reason == Reason.ANSWERED_ALL


def test_the_order_of_candidates_is_drawn_and_stored(crew, monkeypatch):
    project = make_project(crew)
    add_tasks(project, 1, candidates=4)
    monkeypatch.setattr(queue, "ORDER", type("Reversed", (), {"shuffle": staticmethod(list.reverse)}))
    assignment = given(crew.bob, project)
    by_position = list(Task.objects.get().candidates.order_by("-position").values_list("uid", flat=True))
    assert Assignment.objects.get(pk=assignment.pk).shown_order == by_position


def test_both_sides_of_a_pair_occur_over_many_tasks(crew):
    project = make_project(crew)
    add_tasks(project, 40)
    first_shown = [answer_next(crew.bob, project).shown_order[0] for _ in range(40)]
    positions = set(Task.objects.filter(candidates__uid__in=first_shown).values_list("candidates__position"))
    assert positions == {(0,), (1,)}


def test_a_skipped_task_goes_to_others_and_to_the_end(crew):
    project = make_project(crew)
    add_tasks(project, 2)
    skip(assignment=given(crew.bob, project), reason="cannot_judge", note="too hard")
    assert numbers([answer_next(crew.bob, project)]) == ["t1"]
    assert nothing(crew.bob, project).reason == Reason.ANSWERED_ALL
    assert numbers([answer_next(crew.rita, project)]) == ["t0"]
    assert Assignment.objects.get(state="skipped").skip_reason == "cannot_judge: too hard"


def test_an_expired_lease_returns_its_slot_at_the_end_of_the_queue(crew):
    project = make_project(crew)
    add_tasks(project, 2)
    end_lease(given(crew.bob, project))
    assert expire_leases() == 1
    assert expire_leases() == 0
    assert numbers([answer_next(crew.rita, project), answer_next(crew.rita, project)]) == ["t1", "t0"]
    assert WorkEvent.objects.filter(membership=crew.bob, kind="expired").count() == 1


def test_the_queue_looks_for_expired_leases_before_it_says_empty(crew):
    project = make_project(crew)
    add_tasks(project, 1)
    end_lease(given(crew.bob, project))
    assert given(crew.rita, project).task.external_id == "t0"


def test_a_person_may_get_an_expired_task_again_with_draft_and_order(crew):
    project = make_project(crew)
    add_tasks(project, 1, candidates=4)
    first = given(crew.bob, project)
    save_draft(assignment=first, fields={"rationale": ["half a thought"]}, version=0)
    end_lease(first)
    expire_leases(project=project)
    again = given(crew.bob, project)
    assert again.uid == first.uid
    assert again.shown_order == first.shown_order
    assert again.draft == {"rationale": ["half a thought"]}
    assert again.draft_version == 1


def test_two_slots_of_one_task_come_back_together(crew):
    project = make_project(crew, overlap=2)
    add_tasks(project, 1)
    end_lease(given(crew.bob, project))
    end_lease(given(crew.rita, project))
    assert expire_leases() == 2
    assert Task.objects.get().open_slots == 2


def test_an_own_lease_that_just_ran_out_goes_on(crew):
    project = make_project(crew)
    add_tasks(project, 2)
    first = given(crew.bob, project)
    end_lease(first)
    again = given(crew.bob, project)
    assert again.uid == first.uid
    assert again.lease_until > timezone.now()


def test_the_heartbeat_prolongs_a_lease_and_refuses_one_that_is_over(crew):
    project = make_project(crew)
    add_tasks(project, 1)
    assignment = given(crew.bob, project)
    assert extend(assignment=assignment) >= assignment.lease_until
    end_lease(assignment)
    expire_leases()
    with pytest.raises(LeaseOver):
        extend(assignment=assignment)


def test_the_cursor_wraps_once_to_what_was_passed_over(crew):
    project = make_project(crew)
    add_tasks(project, 2)
    standing = Standing.objects.create(
        workspace=crew.workspace, project=project, membership=crew.bob, cursor=2**62
    )
    assert numbers([given(crew.bob, project)]) == ["t0"]
    standing.refresh_from_db()
    assert standing.cursor < 2**62


def test_an_empty_project_says_that_no_tasks_exist(crew):
    assert nothing(crew.bob, make_project(crew)).reason == Reason.NO_TASKS


@pytest.mark.parametrize(
    ("state", "reason"),
    [(Project.State.PAUSED, Reason.PROJECT_PAUSED), (Project.State.CLOSED, Reason.PROJECT_CLOSED)],
)
def test_a_project_that_is_not_active_hands_out_nothing(crew, state, reason):
    project = make_project(crew, state=state)
    add_tasks(project, 1)
    assert nothing(crew.bob, project).reason == reason


def test_a_paused_person_is_told_until_when_and_why(crew):
    project = make_project(crew)
    add_tasks(project, 1)
    until = timezone.now() + timedelta(hours=2)
    Standing.objects.create(
        workspace=crew.workspace,
        project=project,
        membership=crew.bob,
        paused_until=until,
        reason="Two golds missed.",
    )
    empty = nothing(crew.bob, project)
    assert empty.reason == Reason.PERSON_PAUSED
    assert "Two golds missed." in empty.sentence
    Standing.objects.update(paused_until=timezone.now() - timedelta(seconds=1))
    given(crew.bob, project)


def test_without_consent_there_is_no_task(crew):
    project = make_project(crew)
    add_tasks(project, 1)
    RecordingConsent.objects.filter(membership=crew.bob).delete()
    assert nothing(crew.bob, project).reason == Reason.NO_CONSENT


def test_a_content_warning_comes_before_the_first_task(crew):
    project = make_project(crew, content_warning="Violent language.")
    add_tasks(project, 1)
    assert nothing(crew.bob, project).sentence == "Violent language."
    accept_warning(membership=crew.bob, project=project)
    given(crew.bob, project)


def test_every_hand_out_leaves_a_work_event(crew):
    project = make_project(crew)
    add_tasks(project, 1)
    given(crew.bob, project)
    given(crew.bob, project)
    assert list(WorkEvent.objects.values_list("kind", flat=True)) == ["opened", "opened"]


def test_a_hand_out_costs_the_same_however_many_tasks_one_has_answered(crew, django_assert_num_queries):
    project = make_project(crew, overlap=3)
    add_tasks(project, 30)
    answer_next(crew.bob, project)
    with django_assert_num_queries(5):
        first = given(crew.bob, project)
    submit(assignment=first, answer=an_answer(first))
    for _ in range(20):
        answer_next(crew.bob, project)
    with django_assert_num_queries(5):
        given(crew.bob, project)


def test_many_people_share_a_project_without_gaps(crew):
    project = make_project(crew, overlap=2)
    add_tasks(project, 6)
    people = more_annotators(crew, 4)
    for number in range(12):
        answer_next(people[number % 4], project)
    assert not Task.objects.exclude(open_slots=0).exists()
    assert project.annotations.count() == 12
