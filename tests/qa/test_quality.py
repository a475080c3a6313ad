"""Measuring a project: agreement with its interval, gold, people, and flags that open a sample."""

import random
import time
from typing import Any

import pytest

from accounts.models import Membership
from annotation.models import Annotation, Assignment, Project
from jobs.claiming import claim
from jobs.models import Job
from jobs.pulse import Pulse
from jobs.running import JobContext, Lease
from qa import inbox, quality, reviews
from qa.job_handlers import measure_project
from qa.models import Acceptance, QualityReport
from tests.annotation.worlds import add_tasks, make_project, more_annotators
from tests.conftest import Cast
from tests.qa.worlds import (
    acceptance_of,
    add_gold,
    file_order,
    first_shown,
    label,
    rank,
    turned_round,
    work_off,
)


def test_people_who_agree_have_a_high_alpha_with_an_interval(crew: Cast, pairs: Project) -> None:
    for by in (crew.bob, crew.rita):
        for number in range(10):
            rank(pairs, by, turned_round if number == 0 and by == crew.rita else file_order)
    report = quality.measure_now(project=pairs, by=crew.alice)
    found = report.report["agreement"]["all"]
    assert 0.7 < found["alpha"] < 1
    assert found["low"] < found["alpha"] < found["high"] <= 1
    assert (found["tasks"], found["units"], found["annotations"]) == (10, 10, 20)
    assert (found["metric"], found["method"]) == ("alpha, ordinal, pairs", "item jackknife")
    assert (report.annotations, report.created_by) == (20, crew.alice)
    accepted = report.report["agreement"]["accepted"]
    assert (accepted["alpha"], accepted["annotations"]) == (1.0, 18)
    assert report.report["reviews"]["open"] == 2
    assert report.report["reviews"]["reasons"] == {"disagreement": 2}


def test_what_a_reviewer_mended_is_no_independent_answer(crew: Cast, pairs: Project) -> None:
    first, second = rank(pairs, crew.bob), rank(pairs, crew.rita, turned_round)
    inbox.take()
    for annotation in (first, second):
        order = file_order(annotation.assignment)
        reviews.fix_and_accept(acceptance=acceptance_of(annotation), by=crew.alice, answer={"ranking": order})
    accepted = quality.measure_now(project=pairs).report["agreement"]["accepted"]
    assert (accepted["annotations"], accepted["undefined"]) == (1, "no_pairs")


def test_a_project_without_two_answers_to_a_task_says_so(crew: Cast) -> None:
    project = make_project(crew)
    add_tasks(project, 3)
    for _number in range(2):
        report = quality.measure_now(project=project).report
        for scope in ("all", "accepted"):
            assert report["agreement"][scope]["alpha"] is None
            assert report["agreement"][scope]["undefined"] == "no_pairs"
        rank(project, crew.bob)


def test_labels_and_sets_of_labels_have_their_own_metric(crew: Cast) -> None:
    metrics = {}
    for several in (False, True):
        project = make_project(
            crew, name=f"Several {several}", kind="classification", labels=["a", "b", "c"],
            allow_several_labels=several, overlap=2, aspects=[],
        )  # fmt: skip
        add_tasks(project, 4)
        for by, last in ((crew.bob, "a"), (crew.rita, "b")):
            for chosen in ("a", "b", "c", last):
                label(project, by, *(["a", chosen] if several and chosen != "a" else [chosen]))
        found = quality.measure_now(project=project).report["agreement"]["all"]
        metrics[found["metric"]] = found["alpha"]
    assert metrics["alpha, nominal"] == pytest.approx(1 - 7 * 2 / 42)
    assert 0.5 < metrics["alpha, MASI"] < 1


def test_written_answers_have_no_alpha(crew: Cast) -> None:
    project = make_project(crew, kind="demonstration", aspects=[])
    found = quality.measure_now(project=project).report["agreement"]["all"]
    assert (found["alpha"], found["undefined"]) == (None, "not_comparable")


def test_gold_is_told_by_pseudonym_and_stays_out_of_agreement(crew: Cast) -> None:
    project = make_project(crew, gold_every=2, overlap=2, aspects=[])
    add_tasks(project, 12)
    add_gold(project, 20, by=crew.alice)
    met = work_off(project, crew.bob)
    work_off(project, crew.rita, on_gold=turned_round)
    report = quality.measure_now(project=project).report
    bob, rita = (report["gold"][by.pseudonym] for by in (crew.bob, crew.rita))
    assert bob["answered"] == bob["right"] == met
    assert (bob["accuracy"], rita["accuracy"], rita["verdict"]) == (1.0, 0.0, "failed")
    assert report["agreement"]["all"]["annotations"] <= 24
    assert "Bob" not in str(report)


def crowd(cast: Cast, *, tasks: int = 24) -> tuple[Project, list[Membership]]:
    project = make_project(cast, overlap=8, aspects=[])
    add_tasks(project, tasks)
    return project, more_annotators(cast, 8)


def test_a_sided_and_a_fast_person_are_flagged_and_some_of_their_work_is_opened(crew: Cast) -> None:
    project, people = crowd(crew)
    chance = random.Random(5)
    fast, sided = people[0], people[1]
    for person in people:
        own = chance.gauss(0, 0.1)
        for _number in range(24):
            milliseconds = int(9000 * 2.718 ** (own + chance.gauss(0, 0.2) - (3 if person == fast else 0)))
            rank(project, person, first_shown if person == sided else file_order, active_ms=milliseconds)
    report = quality.measure_now(project=project).report
    flags = {(flag["annotator"], flag["test"]): flag for flag in report["flags"]}
    assert set(flags) == {(fast.pseudonym, "fast"), (sided.pseudonym, "side")}
    assert flags[fast.pseudonym, "fast"]["p_holm"] <= 0.05
    assert flags[sided.pseudonym, "side"]["detail"] == {"answers": 24, "effect": 1.0}
    opened = Acceptance.objects.filter(reasons__contains=["fast"], annotation__membership=fast)
    assert opened.filter(state="open").count() == 10
    quality.measure_now(project=project)
    assert Acceptance.objects.filter(reasons__contains=["fast"]).count() == 10, "a flag samples once"
    [row] = [row for row in report["people"] if row["annotator"] == sided.pseudonym]
    assert (row["answers"], row["first_won"], row["last_won"]) == (24, 24, 0)
    assert row["alpha_without"] > report["agreement"]["all"]["alpha"]


def test_honest_people_are_not_flagged(crew: Cast) -> None:
    project, people = crowd(crew, tasks=16)
    chance = random.Random(6)
    for person in people:
        for _number in range(16):
            rank(project, person, active_ms=int(chance.lognormvariate(9, 0.4)))
    assert quality.measure_now(project=project).report["flags"] == []


def test_the_same_answers_give_the_same_report(crew: Cast, pairs: Project) -> None:
    for by in (crew.bob, crew.rita):
        for _number in range(10):
            rank(pairs, by)
    first, second = (quality.measure_now(project=pairs).report for _time in range(2))
    assert first == second
    assert QualityReport.objects.count() == 2
    last = quality.last_report(pairs)
    assert last is not None
    assert last.pk == QualityReport.objects.latest("pk").pk


def test_the_number_of_queries_hangs_on_nothing(
    crew: Cast, pairs: Project, django_assert_max_num_queries: Any
) -> None:
    for by in (crew.bob, crew.rita):
        for _number in range(10):
            rank(pairs, by)
    inbox.take_all(project=pairs)
    with django_assert_max_num_queries(20):
        quality.measure_now(project=pairs)


def test_a_large_project_is_measured_by_a_job(
    crew: Cast, pairs: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    rank(pairs, crew.bob)
    rank(pairs, crew.bob)
    monkeypatch.setattr(quality, "MOST_IN_A_REQUEST", 1)
    job = quality.measure_or_queue(project=pairs, by=crew.rita)
    assert isinstance(job, Job)
    claimed = claim(queue="light", owner="tests", kinds={"qa.measure"})
    assert claimed is not None
    context = JobContext(claimed, pulse=Pulse(Lease.of(claimed), taken_at=time.monotonic(), request_id=""))
    result = measure_project(context)
    report = QualityReport.objects.get()
    assert result == {"quality_report": str(report.uid)}
    assert report.created_by == crew.rita


def test_erased_answers_do_not_break_a_measurement(crew: Cast, pairs: Project) -> None:
    """An answer about an erased person keeps its shape; what it said is gone."""
    annotation = rank(pairs, crew.bob)
    Annotation.objects.filter(pk=annotation.pk).update(answer={**annotation.answer, "rationale": ""})
    assert quality.measure_now(project=pairs).annotations == 1
    assert Assignment.objects.count() == 1
