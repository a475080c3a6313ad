"""Gold: what may be one, how answers to it are counted, and what a failed test does."""

from typing import Any

import pytest

from accounts.models import AuditEvent
from annotation.emptiness import Nothing, Reason
from annotation.imports import ImportRefused
from annotation.models import Annotation, Project, Standing, Task
from annotation.progress import progress_of
from annotation.projects import change_project, check_settings, settings_of
from annotation.queue import hand_out
from annotation.submissions import revise
from core.errors import Invalid, TooLarge
from qa import gold, inbox
from qa.gold_answers import GoldInvalid, NoGoldOfThisKind
from qa.models import Gold, GoldResult, GoldScore
from tests.annotation.worlds import add_tasks, make_project, task_record
from tests.conftest import Cast
from tests.qa.worlds import (
    acceptance_of,
    add_gold,
    answer_of,
    file_order,
    own_order,
    put,
    rank,
    state_of,
    take,
    turned_round,
    work_off,
)


@pytest.fixture
def project(crew: Cast) -> Project:
    """Every second task on average is gold, so that few answers tell much."""
    project = make_project(crew, aspects=[], gold_every=2)
    add_tasks(project, 40)
    return project


def test_an_unanswered_task_becomes_gold_and_is_no_work_any_more(crew: Cast, project: Project) -> None:
    task = Task.objects.earliest("pk")
    made = gold.make_gold(task=task, accepted=[{"ranking": [[0], [1]]}], by=crew.rita, explanation="Clear.")
    order = [[str(uid)] for uid in task.candidates.order_by("position").values_list("uid", flat=True)]
    assert (made.accepted, made.explanation, made.created_by) == ([{"ranking": order}], "Clear.", crew.rita)
    assert progress_of([project])[project.pk].tasks == 39
    assert AuditEvent.objects.filter(kind=AuditEvent.Kind.GOLD_CHANGED, membership=crew.rita).exists()
    with pytest.raises(gold.TaskInUse, match="gold already"):
        gold.make_gold(task=task, accepted=[{"ranking": [[0], [1]]}], by=crew.rita)


def test_a_task_that_somebody_has_seen_cannot_become_gold(crew: Cast, project: Project) -> None:
    assignment = take(project, crew.bob)
    for _state in ("leased", "submitted"):
        with pytest.raises(gold.TaskInUse, match="Somebody has"):
            gold.make_gold(task=assignment.task, accepted=[{"ranking": [[0], [1]]}], by=crew.rita)
        put(assignment, {"ranking": file_order(assignment)})
    assert not Gold.objects.exists()


@pytest.mark.parametrize(
    ("accepted", "sentence"),
    [
        ([], "at least one"),
        ("0>1", "at least one"),
        ([{"ranking": "0>1"}], "A right answer is"),
        ([{"ranking": [0, 1]}], "A right answer is"),
        ([{"ranking": [[0], [2]]}], "does not have"),
        ([{"ranking": [[0], [True]]}], "does not have"),
        ([{"ranking": [[0], [0]]}], "twice"),
        ([{"ranking": [[0, 1]]}], "better than another"),
        ([{"labels": ["good"]}], "A right answer is"),
        ([{"ranking": [[0], [1]]}] * 21, "At most"),
    ],
)
def test_a_known_answer_must_be_one(crew: Cast, project: Project, accepted: Any, sentence: str) -> None:
    with pytest.raises(GoldInvalid, match=sentence):
        gold.make_gold(task=Task.objects.earliest("pk"), accepted=accepted, by=crew.rita)
    assert not Gold.objects.exists()


def test_written_texts_have_no_gold(crew: Cast) -> None:
    project = make_project(crew, kind="demonstration", aspects=[])
    with pytest.raises(NoGoldOfThisKind):
        gold.import_gold(project=project, records=[{"prompt": "Why?", "gold": {}}], by=crew.rita)


def test_records_are_imported_all_or_none(crew: Cast, project: Project) -> None:
    good = {**task_record(900), "gold": [{"ranking": [[1], [0]]}], "explanation": "As agreed."}
    bad = {**task_record(901), "gold": {"ranking": [[0], [9]]}}
    worse = {"prompt": "No candidates", "gold": {"ranking": [[0], [1]]}}
    taken = {**task_record(3), "gold": {"ranking": [[0], [1]]}}
    with pytest.raises(ImportRefused) as refused:
        gold.import_gold(project=project, records=[good, bad, worse, taken, 7], by=crew.rita)  # type: ignore[list-item]
    assert set(refused.value.fields) == {"line 2", "line 3", "line 4", "line 5"}
    assert not Gold.objects.exists()
    [made] = gold.import_gold(project=project, records=[good], by=crew.rita)
    assert Task.objects.get(gold=made).purpose == Task.Purpose.GOLD
    assert progress_of([project])[project.pk].tasks == 40


def test_an_empty_and_a_huge_import_are_refused(crew: Cast, project: Project) -> None:
    with pytest.raises(Invalid, match="no gold task"):
        gold.import_gold(project=project, records=[], by=crew.rita)
    with pytest.raises(TooLarge):
        gold.import_gold(project=project, records=({"prompt": "x"} for _ in range(2001)), by=crew.rita)


def test_labels_are_gold_too(crew: Cast) -> None:
    project = make_project(crew, kind="classification", labels=["good", "bad"], gold_every=1, aspects=[])
    records = [{"prompt": f"Text {at}", "gold": {"labels": ["good"]}} for at in range(2)]
    gold.import_gold(project=project, records=records, by=crew.rita)
    for chosen in ("good", "bad"):
        put(take(project, crew.bob), {"labels": [chosen]})
    inbox.take()
    score = GoldScore.objects.get()
    assert (score.answered, score.right) == (2, 1)
    for wrong in (["ugly"], [], ["good", "bad"], "good"):
        with pytest.raises(ImportRefused):
            gold.import_gold(
                project=project, records=[{"prompt": "x", "gold": {"labels": wrong}}], by=crew.rita
            )


def test_candidates_that_share_a_place_in_gold_may_come_in_any_order(crew: Cast) -> None:
    project = make_project(crew, aspects=[], gold_every=1)
    records = [
        {"prompt": f"Q{at}", "candidates": ["a", "b", "c"], "gold": {"ranking": [[0], [1, 2]]}}
        for at in range(4)
    ]
    gold.import_gold(project=project, records=records, by=crew.rita)
    for tiers in ([[0], [1], [2]], [[0], [2], [1]], [[1], [0], [2]], [[0, 1], [2]]):
        assignment = take(project, crew.bob)
        uids = own_order(assignment)
        put(assignment, {"ranking": [[uids[place] for place in tier] for tier in tiers]})
    inbox.take()
    assert list(GoldResult.objects.order_by("pk").values_list("is_right", flat=True)) == [
        True,
        True,
        False,
        False,
    ]


def test_the_first_answer_counts_and_a_correction_does_not(crew: Cast, project: Project) -> None:
    add_gold(project, 1, by=crew.rita)
    Project.objects.update(gold_every=1)
    project.refresh_from_db()
    assignment = take(project, crew.bob)
    put(assignment, {"ranking": turned_round(assignment)})
    mended = answer_of(assignment, {"ranking": file_order(assignment)})
    revise(assignment=assignment, answer=mended, revision=1)
    inbox.take()
    assert GoldResult.objects.get().is_right is False
    assert GoldScore.objects.get().answered == 1


def test_gold_is_in_no_progress_and_in_no_review(crew: Cast, project: Project) -> None:
    add_gold(project, 30, by=crew.rita)
    met = work_off(project, crew.bob)
    inbox.take()
    assert met >= 10
    assert progress_of([project])[project.pk].submitted == 40
    assert Standing.objects.get(membership=crew.bob).gold_count == met
    assert not Annotation.objects.filter(task__purpose="gold", acceptance__isnull=False).exists()


def test_whoever_fails_is_paused_and_the_accepted_work_is_held_back(crew: Cast, project: Project) -> None:
    add_gold(project, 30, by=crew.rita)
    before = rank_some_work(project, crew)
    while not isinstance(handed := hand_out(membership=crew.bob, project=project), Nothing):
        put(handed.assignment, {"ranking": turned_round(handed.assignment)})
        inbox.take()
    assert handed.reason == Reason.PERSON_PAUSED
    assert "until a reviewer has looked" in handed.sentence
    assert "3000" not in handed.sentence
    score = GoldScore.objects.get(membership=crew.bob)
    assert (score.verdict, score.right) == ("failed", 0)
    assert score.answered == 4, "each wrong answer adds .81 to the log ratio; at 2.89 the test has failed"
    assert state_of(before) == ("open", ["gold"])
    assert AuditEvent.objects.filter(kind=AuditEvent.Kind.PERSON_PAUSED, object_uid=crew.bob.uid).count() == 1


def rank_some_work(project: Project, crew: Cast) -> Annotation:
    """A first answer to work, in the time before any gold is handed out."""
    Project.objects.filter(pk=project.pk).update(gold_every=0)
    project.gold_every = 0
    annotation = rank(project, crew.bob)
    inbox.take()
    project.gold_every = 2
    project.save()
    return annotation


def test_work_that_was_in_hand_when_the_person_failed_is_for_a_reviewer(crew: Cast, project: Project) -> None:
    add_gold(project, 30, by=crew.rita)
    GoldScore.objects.create(
        workspace=crew.workspace, project=project, membership=crew.bob, verdict=GoldScore.Verdict.FAILED
    )
    project.gold_every = 0
    annotation = rank(project, crew.bob)
    inbox.take()
    assert state_of(annotation) == ("open", ["gold"])


def test_a_reviewer_lets_the_person_work_again(crew: Cast, project: Project) -> None:
    add_gold(project, 30, by=crew.rita)
    before = rank_some_work(project, crew)
    work_off_wrongly(project, crew)
    gold.let_work_again(project=project, membership=crew.bob, by=crew.rita, note="Misread the guideline.")
    assert not isinstance(hand_out(membership=crew.bob, project=project), Nothing)
    score = GoldScore.objects.get(membership=crew.bob)
    assert (score.verdict, score.log_ratio, score.reviewed_by) == ("open", 0.0, crew.rita)
    assert state_of(before) == ("accepted", [])
    event = AuditEvent.objects.get(kind=AuditEvent.Kind.PERSON_RESUMED)
    assert (event.membership, event.detail["note"]) == (crew.rita, "Misread the guideline.")
    with pytest.raises(gold.NotPaused):
        gold.let_work_again(project=project, membership=crew.bob, by=crew.rita)


def work_off_wrongly(project: Project, crew: Cast) -> None:
    while not isinstance(handed := hand_out(membership=crew.bob, project=project), Nothing):
        put(handed.assignment, {"ranking": turned_round(handed.assignment)})
        inbox.take()


def test_the_answers_of_whoever_failed_speak_against_nobody(crew: Cast) -> None:
    project = make_project(crew, aspects=[], overlap=2)
    add_tasks(project, 5)
    good = [rank(project, crew.rita) for _number in range(5)]
    for _number in range(5):
        rank(project, crew.bob, turned_round)
    inbox.take()
    assert {state_of(row)[0] for row in good} == {"open"}
    project.gold_every = 1
    project.save()
    add_gold(project, 10, by=crew.alice)
    add_tasks(project, 5, first=5)
    work_off_wrongly(project, crew)
    assert {state_of(row)[0] for row in good} == {"accepted"}


def test_a_careful_person_passes_and_a_new_test_starts(crew: Cast, project: Project) -> None:
    add_gold(project, 30, by=crew.rita)
    work_off(project, crew.bob)
    inbox.take()
    score = GoldScore.objects.get(membership=crew.bob)
    assert (score.verdict, score.right) == ("passed", score.answered)
    assert score.tests_passed >= 1


def test_retired_gold_is_handed_out_and_counted_no_more(crew: Cast, project: Project) -> None:
    [made] = add_gold(project, 1, by=crew.rita)
    project.gold_every = 1
    assignment = take(project, crew.bob)
    gold.retire_gold(gold=made, by=crew.rita)
    put(assignment, {"ranking": turned_round(assignment)})
    inbox.take()
    assert not GoldScore.objects.exists()
    assert work_off(project, crew.alice) == 0


def test_another_overlap_leaves_gold_as_it_is(crew: Cast, project: Project) -> None:
    add_gold(project, 1, by=crew.rita)
    settings = check_settings({**settings_of(project), "overlap": 3})
    change_project(membership=crew.alice, project=project, settings=settings)
    assert Task.objects.get(purpose="gold").overlap > 1000


def test_acceptances_of_gold_do_not_exist(crew: Cast, project: Project) -> None:
    add_gold(project, 1, by=crew.rita)
    project.gold_every = 1
    annotation = rank(project, crew.bob)
    inbox.take()
    with pytest.raises(Annotation.acceptance.RelatedObjectDoesNotExist):  # type: ignore[attr-defined]
        _ = annotation.acceptance
    assert acceptance_of
