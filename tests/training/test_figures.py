import pytest

from training.figures import (
    charts_for,
    final_figures,
    guides_of,
    in_order,
    label_of,
    written,
)
from training.metrics import Line


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.123456, "0.1235"),
        (1234567, "1,234,567"),
        (3e-05, "3e-05"),
        (True, "yes"),
        ("cpu", "cpu"),
        (2.0, "2"),
    ],
)
def test_numbers_are_written_short(value: object, shown: str) -> None:
    assert written(value) == shown


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("kl_sequence", "KL per answer"),
        ("heldout_kl_sequence_after", "held-out KL per answer after"),
        ("final_reward", "last reward"),
        ("something_new", "something new"),
    ],
)
def test_figures_are_called_by_words(name: str, label: str) -> None:
    assert label_of(name) == label


def test_a_chart_names_all_its_series_as_soon_as_one_is_measured() -> None:
    [chart] = charts_for({"loss", "unknown"})
    assert chart["title"] == "Loss"
    assert [series["name"] for series in chart["series"]] == ["loss", "heldout_loss"]


def test_headlines_come_first_and_nothing_is_left_out() -> None:
    metrics = {"zeta": 1, "heldout_accuracy": 0.61, "heldout_accuracy_se": 0.02, "parameters": 1000}
    headlines, rest = final_figures(metrics)
    assert [figure.value for figure in headlines] == ["0.61", "0.02"]
    assert [figure.name for figure in rest] == ["parameters", "zeta"]


def test_known_figures_keep_their_order() -> None:
    assert in_order({"grad_norm", "reward", "zeta", "alpha"}) == ["reward", "grad_norm", "alpha", "zeta"]


def test_held_out_figures_stand_beside_what_was_seen_in_training() -> None:
    names = {"reward", "heldout_reward", "kl_sequence", "heldout_kl_sequence", "heldout_second_score"}
    charts = {chart["title"]: [series["name"] for series in chart["series"]] for chart in charts_for(names)}
    assert charts["Reward"] == ["reward", "heldout_reward"]
    assert charts["KL from the starting policy"][:2] == ["kl_sequence", "heldout_kl_sequence"]
    assert charts["Score of the checking model"] == ["heldout_second_score"]


def test_a_setting_is_a_guide_beside_what_it_governs_and_no_chart_alone() -> None:
    assert charts_for({"kl_floor", "kl_target"}) == []
    [chart] = charts_for({"kl_coefficient", "kl_floor"})
    assert [(series["name"], series["guide"]) for series in chart["series"]] == [
        ("kl_coefficient", False),
        ("kl_floor", True),
    ]


def test_guides_are_level_where_their_figure_was_measured() -> None:
    series = {"kl_coefficient": Line([1, 3], [0.15, 0.1]), "loss": Line([1, 2, 3], [1.0, 1.0, 1.0])}
    guides = guides_of(series, config={"kl_floor": 0.1, "kl_target": 4.0})
    assert guides == {"kl_floor": Line([1, 3], [0.1, 0.1])}
    assert guides_of(series, config={"kl_floor": 0.0}) == guides_of(series, config={}) == {}


def test_what_was_read_of_a_source_names_the_source_as_it_is_called() -> None:
    assert label_of("source_tokens:court_files: 2026") == "tokens read of “court_files: 2026”"
    assert label_of("source_epochs:loss") == "passes over “loss”"


def test_of_the_many_charts_of_ppo_those_of_the_optimiser_stand_behind() -> None:
    ppo = charts_for({"reward", "kl_sequence", "entropy", "grad_norm", "learning_rate", "policy_loss"})
    assert [chart["title"] for chart in ppo if not chart["isLesser"]] == [
        "Reward",
        "KL from the starting policy",
    ]
    assert not any(chart["isLesser"] for chart in charts_for({"loss", "grad_norm", "learning_rate"}))
