"""What the quality page draws of kept reports: their course, pairs of people, parts, and old reports."""

import re
from typing import Any

import pytest

from annotation.models import Project
from qa import quality
from qa.charting import Measured, across, course, row, usual
from qa.matrix import matrix
from qa.models import QualityReport
from qa.quality_page import agreement_of
from tests.conftest import Cast
from tests.qa.review_worlds import differing_labels, differing_rankings
from tests.qa.worlds import file_order, rank, turned_round


def page(crew: Cast, project: Project) -> str:
    answer = crew.client(crew.rita).get(f"/w/acme/projects/{project.uid}/quality/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def figures(alpha: float | None, low: float | None = None, high: float | None = None) -> dict[str, Any]:
    return {"alpha": alpha, "low": low, "high": high}


def test_the_axis_runs_from_just_below_chance_to_full_agreement() -> None:
    assert (across(-0.2), across(1.0), across(0.4)) == pytest.approx((0, 100, 50))
    assert (across(-3.0), across(7.0)) == (0, 100), "what lies outside is drawn at the end"
    drawn = row(figures(0.4, 0.1, 0.7))
    assert drawn.value == "50.00%"
    assert drawn.span is not None
    assert (drawn.span.start, drawn.span.width) == ("25.00%", "50.00%")
    assert row(figures(None)).value is None
    assert row(figures(0.4)).span is None
    assert usual("ranking") is not None
    assert usual("classification") is None, "no such band is known of labels"


def test_a_measurement_without_a_figure_leaves_a_gap_in_the_course(now: Any = None) -> None:
    points = course([Measured(now, figures(value)) for value in (0.2, 0.4, None, 0.6)])
    assert [point.before is not None for point in points] == [False, True, False]
    assert [point.x for point in points] == ["12.50%", "37.50%", "87.50%"]
    assert float(points[0].y) > float(points[1].y) > float(points[2].y), "higher is further up"


def test_a_pair_of_people_clearly_under_the_share_over_all_is_marked() -> None:
    pairs = [
        {"a": "p1", "b": "p2", "same": 90, "compared": 100},
        {"a": "p1", "b": "p3", "same": 88, "compared": 100},
        {"a": "p2", "b": "p3", "same": 50, "compared": 100},
        {"a": "p3", "b": "p4", "same": 1, "compared": 3},
    ]
    found = matrix(pairs)
    assert found is not None
    assert (found.names, found.percent) == (["p1", "p2", "p3", "p4"], 76)
    cells = {
        (name, other): cell for name, row in found.rows for other, cell in zip(found.names, row, strict=True)
    }
    assert [pair for pair, cell in cells.items() if cell and cell.is_low] == [("p2", "p3"), ("p3", "p2")]
    assert cells["p3", "p4"] is not None, "three comparisons prove nothing: shown, not marked"
    assert cells["p1", "p1"] is None
    assert cells["p1", "p4"] is None
    assert matrix([]) is None


def test_many_pairs_of_people_do_not_bring_a_mark_by_their_number() -> None:
    usual = [
        {"a": f"p{one:02}", "b": f"p{other:02}", "same": 80, "compared": 100}
        for one in range(24)
        for other in range(one)
    ]
    few, many = [{**usual[0], "same": 68}, *usual[1:2]], [{**usual[0], "same": 68}, *usual[1:]]

    def low(pairs: list[dict[str, Any]]) -> int:
        found = matrix(pairs)
        assert found is not None
        return sum(cell.is_low for _name, row in found.rows for cell in row if cell)

    assert low(many) == low(few) == 0
    assert low([{**usual[0], "same": 50}, *usual[1:]]) == 2, "both halves of the square"


def test_the_page_tells_pairs_of_people_and_each_rating(crew: Cast) -> None:
    project = differing_rankings(crew, tasks=2)
    report = quality.measure_now(project=project).report
    assert {(pair["same"], pair["compared"]) for pair in report["pairs"]} == {(6, 6), (4, 6)}
    assert [part["name"] for part in report["parts"]] == ["quality", "safety"]
    shown = page(crew, project)
    assert "78 % the same over all pairs of people" in shown
    assert "Agreement on each rating" not in shown, "nobody rated"


def test_each_label_has_a_figure_of_its_own(crew: Cast) -> None:
    project = differing_labels(crew)
    report = quality.measure_now(project=project).report
    parts = {part["name"]: part for part in report["parts"]}
    assert (parts["question"]["alpha"], parts["question"]["undefined"]) == (None, "one_value")
    assert parts["praise"]["units"] == 1
    shown = page(crew, project)
    assert "Agreement on each label" in shown
    assert "never differs" in shown


def test_the_course_is_drawn_from_the_second_measurement_on(crew: Cast, pairs: Project) -> None:
    for number in range(4):
        for by in (crew.bob, crew.rita):
            rank(pairs, by, turned_round if number == 0 and by == crew.rita else file_order)
    quality.measure_now(project=pairs)
    assert "Agreement over time" not in page(crew, pairs)
    quality.measure_now(project=pairs)
    shown = page(crew, pairs)
    assert "Agreement over time" in shown
    assert len(re.findall('class="course-line"', shown)) == 1
    assert "As a table" in shown
    assert "style=" not in shown


def test_a_report_of_the_first_schema_is_read_with_its_pairs_counted_once(crew: Cast, pairs: Project) -> None:
    for by in (crew.bob, crew.rita):
        for _number in range(3):
            rank(pairs, by)
    made = quality.measure_now(project=pairs)
    assert made.report["agreement"]["all"]["units"] == 3
    old = {name: value for name, value in made.report.items() if name not in {"pairs", "parts"}}
    old["schema"] = 1
    old["agreement"]["all"]["units"] = 6
    QualityReport.objects.filter(pk=made.pk).update(report=old)
    assert agreement_of(old, "all")["units"] == 3
    shown = page(crew, pairs)
    assert "3 judgements made by at least two people" in shown
    assert "Who agrees with whom" not in shown


@pytest.mark.parametrize("count", [2, 40])
def test_the_quality_page_costs_the_same_however_often_it_was_measured(
    crew: Cast, pairs: Project, count: int, django_assert_max_num_queries: Any
) -> None:
    rank(pairs, crew.bob)
    made = quality.measure_now(project=pairs)
    for _number in range(count):
        QualityReport.objects.create(
            workspace=crew.workspace, project=pairs, annotations=1, report=made.report
        )
    client = crew.client(crew.rita)
    with django_assert_max_num_queries(14):
        client.get(f"/w/acme/projects/{pairs.uid}/quality/")
