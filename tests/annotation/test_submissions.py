"""Submitting, repeating, correcting, and what happens to an answer that comes too late."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from annotation.drafts import AlreadyAnswered, StaleDraft, save_draft
from annotation.kinds.ranking import parse_answer
from annotation.leases import expire_leases
from annotation.models import Annotation, Assignment, Guideline, Project, Standing, Task, WorkEvent
from annotation.queue import hand_out
from annotation.skipping import skip
from annotation.submissions import Answered, NotTaken, RevisionOver, SlotGone, draft_kept, revise, submit
from core.errors import Invalid, TooLarge
from tests.annotation.worlds import add_tasks, an_answer, make_project, rules_of


@pytest.fixture
def project(crew):
    project = make_project(crew)
    add_tasks(project, 2)
    return project


@pytest.fixture
def assignment(crew, project):
    return hand_out(membership=crew.bob, project=project).assignment


def the_other_way(assignment):
    rules = rules_of(assignment)
    return parse_answer({"ranking": list(reversed(rules.shown_order))}, rules=rules)


def let_expire(assignment):
    Assignment.objects.filter(pk=assignment.pk).update(lease_until=Now() - timedelta(seconds=1))
    expire_leases()


def test_an_answer_is_stored_with_what_was_shown_and_how_long_it_took(assignment):
    Assignment.objects.update(opened_at=Now() - timedelta(seconds=10))
    receipt = submit(assignment=assignment, answer=an_answer(assignment), active_ms=4_000)
    stored = Annotation.objects.get()
    assert stored.uid == receipt.uid
    assert stored.answer["shown_order"] == [str(uid) for uid in assignment.shown_order]
    assert stored.active_ms == 4_000
    assert 9_000 <= stored.wall_ms < 60_000
    assert stored.checked_at is None
    assert Assignment.objects.get().state == "submitted"
    assert Standing.objects.get().submitted_count == 1
    assert list(WorkEvent.objects.order_by("pk").values_list("kind", flat=True)) == ["opened", "submitted"]


@pytest.mark.parametrize("claimed", [10**15, -5])
def test_active_time_stays_within_the_time_on_our_clock(assignment, claimed):
    submit(assignment=assignment, answer=an_answer(assignment), active_ms=claimed)
    stored = Annotation.objects.get()
    assert 0 <= stored.active_ms <= stored.wall_ms


def test_the_same_answer_again_gets_the_same_receipt(assignment):
    first = submit(assignment=assignment, answer=an_answer(assignment))
    again = submit(assignment=assignment, answer=an_answer(assignment))
    assert again == first
    assert Annotation.objects.count() == 1
    assert Standing.objects.get().submitted_count == 1


def test_another_answer_after_the_first_is_refused_and_kept_as_a_draft(assignment):
    submit(assignment=assignment, answer=an_answer(assignment))
    other = the_other_way(assignment)
    with pytest.raises(Answered), draft_kept(assignment=assignment, answer=other):
        submit(assignment=assignment, answer=other)
    assert Annotation.objects.get().answer == an_answer(assignment).as_json()
    best = assignment.shown_order[-1]
    assert Assignment.objects.get().draft[f"rank-{best}"] == ["1"]


def test_a_correction_is_a_new_revision_and_the_old_one_stays(assignment):
    submit(assignment=assignment, answer=an_answer(assignment))
    receipt = revise(assignment=assignment, answer=the_other_way(assignment), revision=1)
    assert receipt.revision == 2
    old, new = Annotation.objects.order_by("revision")
    assert (old.is_current, new.is_current) == (False, True)
    assert old.answer == an_answer(assignment).as_json()
    assert Standing.objects.get().submitted_count == 1


def test_a_correction_of_a_revision_that_is_not_the_newest_is_refused(assignment):
    submit(assignment=assignment, answer=an_answer(assignment))
    revise(assignment=assignment, answer=the_other_way(assignment), revision=1)
    with pytest.raises(Answered):
        revise(assignment=assignment, answer=an_answer(assignment), revision=1)


def test_a_repeated_correction_gets_the_same_receipt(assignment):
    submit(assignment=assignment, answer=an_answer(assignment))
    first = revise(assignment=assignment, answer=the_other_way(assignment), revision=1)
    assert revise(assignment=assignment, answer=the_other_way(assignment), revision=1) == first


def test_the_time_for_corrections_runs_from_the_first_answer(assignment):
    submit(assignment=assignment, answer=an_answer(assignment))
    revise(assignment=assignment, answer=the_other_way(assignment), revision=1)
    Annotation.objects.filter(revision=1).update(submitted_at=Now() - timedelta(minutes=11))
    with pytest.raises(RevisionOver):
        revise(assignment=assignment, answer=an_answer(assignment), revision=2)


def test_a_late_answer_takes_an_open_slot(assignment):
    let_expire(assignment)
    submit(assignment=assignment, answer=an_answer(assignment))
    assert Task.objects.get(pk=assignment.task_id).open_slots == 0


def test_a_late_answer_without_a_slot_is_refused_and_kept(crew, project, assignment):
    let_expire(assignment)
    for _ in range(2):
        other = hand_out(membership=crew.rita, project=project).assignment
        submit(assignment=other, answer=an_answer(other))
    answer = an_answer(assignment, rationale="An hour of thought.")
    with pytest.raises(SlotGone), draft_kept(assignment=assignment, answer=answer):
        submit(assignment=assignment, answer=answer)
    kept = Assignment.objects.get(pk=assignment.pk)
    assert kept.draft["rationale"] == ["An hour of thought."]
    assert Annotation.objects.filter(task=assignment.task_id).count() == 1


def test_a_lease_that_ran_out_unnoticed_is_still_honoured(assignment):
    Assignment.objects.update(lease_until=Now() - timedelta(seconds=1))
    submit(assignment=assignment, answer=an_answer(assignment))
    assert Task.objects.get(pk=assignment.task_id).open_slots == 0


def test_work_under_way_counts_in_a_paused_project(project, assignment):
    Project.objects.update(state="paused")
    submit(assignment=assignment, answer=an_answer(assignment))
    assert Annotation.objects.count() == 1


def test_a_late_answer_to_a_closed_project_is_refused(project, assignment):
    let_expire(assignment)
    project.state = Project.State.CLOSED
    project.save(update_fields=["state"])
    assignment.refresh_from_db()
    with pytest.raises(SlotGone):
        submit(assignment=assignment, answer=an_answer(assignment))


def test_the_guideline_is_the_one_that_was_on_the_page(crew, project, assignment):
    newer = [
        Guideline.objects.create(workspace=crew.workspace, project=project, number=number, text="Read.")
        for number in (1, 2)
    ]
    Guideline.objects.filter(number=1).update(published_at=Now() - timedelta(hours=1))
    submit(assignment=assignment, answer=an_answer(assignment))
    assert Annotation.objects.get().guideline.number == 1
    second = hand_out(membership=crew.bob, project=project).assignment
    submit(assignment=second, answer=an_answer(second), guideline_number=2)
    assert Annotation.objects.get(assignment=second).guideline == newer[1]


def test_a_skip_can_be_repeated_and_an_answer_can_still_follow(assignment):
    skip(assignment=assignment, reason="other")
    skip(assignment=assignment, reason="other")
    assert Task.objects.get(pk=assignment.task_id).open_slots == 1
    assert WorkEvent.objects.filter(kind="skipped").count() == 1
    submit(assignment=assignment, answer=an_answer(assignment))
    assert Task.objects.get(pk=assignment.task_id).open_slots == 0


def test_an_answered_task_cannot_be_skipped(assignment):
    submit(assignment=assignment, answer=an_answer(assignment))
    with pytest.raises(NotTaken):
        skip(assignment=assignment)


@pytest.mark.parametrize(("reason", "note"), [("because", ""), ("", "x" * 281), ("", "a\x00b"), ("", "a\nb")])
def test_a_skip_with_a_strange_reason_is_refused(assignment, reason, note):
    with pytest.raises(Invalid):
        skip(assignment=assignment, reason=reason, note=note)


def test_a_draft_gets_a_receipt_and_prolongs_the_lease(assignment):
    first = save_draft(assignment=assignment, fields={"rationale": ["a"]}, version=0)
    second = save_draft(assignment=assignment, fields={"rationale": ["ab"]}, version=first.version)
    assert (first.version, second.version) == (1, 2)
    assert second.saved_at >= first.saved_at
    assert second.lease_until >= assignment.lease_until
    assert Assignment.objects.get().draft == {"rationale": ["ab"]}


def test_a_stale_draft_does_not_replace_a_newer_one(assignment):
    save_draft(assignment=assignment, fields={"rationale": ["newer"]}, version=0)
    with pytest.raises(StaleDraft) as caught:
        save_draft(assignment=assignment, fields={"rationale": ["older"]}, version=0)
    assert caught.value.fields == {"draft_version": "1"}
    assert Assignment.objects.get().draft == {"rationale": ["newer"]}


def test_a_draft_after_the_answer_is_refused(assignment):
    submit(assignment=assignment, answer=an_answer(assignment))
    with pytest.raises(AlreadyAnswered):
        save_draft(assignment=assignment, fields={}, version=0)


@pytest.mark.parametrize(
    ("text", "error"), [("x" * 66_000, (TooLarge, Invalid)), ("a\x00b", Invalid), ("\ud800", Invalid)]
)
def test_a_draft_that_cannot_be_stored_is_refused(assignment, text, error):
    with pytest.raises(error):
        save_draft(assignment=assignment, fields={"rationale": [text]}, version=0)


def test_a_draft_counts_bytes_of_all_fields_together(assignment):
    with pytest.raises(TooLarge):
        save_draft(
            assignment=assignment, fields={"rationale": ["x" * 40_000], "rewrite": ["y" * 40_000]}, version=0
        )


@pytest.mark.parametrize("character", ["字", "न", "ع"])
def test_a_draft_has_the_same_room_in_every_script(assignment, character):
    text = character * 20_000
    save_draft(assignment=assignment, fields={"rewrite": [text]}, version=0)
    assert Assignment.objects.get().draft == {"rewrite": [text]}


@pytest.mark.parametrize("note", ["نمی\u200cدانم", "日本語\u3000です", "👩\u200d🔬"])
def test_a_skip_is_explained_in_any_script(assignment, note):
    skip(assignment=assignment, reason="other", note=note)
    assert Assignment.objects.get().skip_reason == f"other: {note}"
