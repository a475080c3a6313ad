"""Bars and columns: from numbers to lengths on a page."""

import pytest

from core.bars import bars_of, grouped_columns, histogram, share_text, stacked_columns


def test_the_longest_bar_takes_the_whole_width_and_shares_are_of_the_sum() -> None:
    bars = bars_of([("a", 30), ("b", 10), ("c", 0)])
    assert [(bar.length, bar.share) for bar in bars] == [
        ("100.00%", "75 %"),
        ("33.33%", "25 %"),
        ("0.00%", "0 %"),
    ]


def test_shares_can_be_of_another_whole() -> None:
    assert [bar.share for bar in bars_of([("kept", 90), ("changed", 5)], whole=100)] == ["90 %", "5 %"]


@pytest.mark.parametrize("rows", [[], [("a", 0), ("b", 0)]])
def test_nothing_at_all_is_drawn_without_a_division_by_zero(rows: list[tuple[str, float]]) -> None:
    assert all(bar.length == "0.00%" and bar.share == "0 %" for bar in bars_of(rows))
    chart = stacked_columns(["one"], [(label, [value]) for label, value in rows])
    assert chart.is_empty and chart.width >= 1


@pytest.mark.parametrize(
    ("part", "text"), [(0, "0 %"), (0.0001, "<1 %"), (0.5, "50 %"), (0.999, ">99 %"), (1, "100 %")]
)
def test_a_share_never_rounds_something_to_nothing_or_most_to_all(part: float, text: str) -> None:
    assert share_text(part) == text


def test_stacked_pieces_stand_upon_each_other_and_the_highest_column_is_the_measure() -> None:
    chart = stacked_columns(["up", "down"], [("Monday", [1, 3]), ("Tuesday", [2, 0])])
    assert (chart.most, chart.width, chart.first, chart.last) == (4, 2, "Monday", "Tuesday")
    lower, upper = chart.columns[0].pieces
    assert float(upper.y) + float(upper.height) == pytest.approx(float(lower.y), abs=0.02)
    assert float(lower.y) + float(lower.height) == pytest.approx(100, abs=0.02)
    assert all(0 <= float(piece.y) <= 100 for column in chart.columns for piece in column.pieces)


def test_grouped_pieces_stand_side_by_side() -> None:
    chart = grouped_columns(["chosen", "rejected"], [("0", [4, 2])])
    one, other = chart.columns[0].pieces
    assert float(one.x) + float(one.width) == pytest.approx(float(other.x), abs=0.002)
    assert float(one.height) == pytest.approx(2 * float(other.height))


def test_a_histogram_has_few_round_bins_and_counts_every_value_once() -> None:
    lengths = [*range(990), 100_000]
    bins = histogram([lengths, [5, 5]])
    assert len(bins) <= 21
    assert [label for label, _counts in bins][:3] == ["0", "50", "100"]
    assert sum(counts[0] for _label, counts in bins) == len(lengths)
    assert sum(counts[1] for _label, counts in bins) == 2
    assert bins[-1][1][0] >= 1, "the longest is in the last bin"


@pytest.mark.parametrize("values", [[0], [0, 0, 0], [7]])
def test_a_histogram_of_one_length_has_it_all_in_one_bin(values: list[int]) -> None:
    assert max(counts[0] for _label, counts in histogram([values])) == len(values)


def test_a_histogram_of_nothing_has_no_bins() -> None:
    assert histogram([[], []]) == []
