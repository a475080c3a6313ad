"""What a PPO run says of itself: no more than its figures do."""

from typing import Any

import pytest

from tests.training.alarmed import FIGURES
from training.comparison import Comparison, comparison_of, percent, short, signed, with_error


def compare(**figures: Any) -> Comparison:
    known = {name: value for name, value in (FIGURES | figures).items() if value is not None}
    found = comparison_of(known, config={"updates": 24})
    assert found is not None
    return found


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


def test_each_figure_is_shown_before_and_after_with_its_change() -> None:
    rows = {row.label: tuple(map(plain, (row.before, row.after, row.change))) for row in compare().rows}
    assert rows == {
        "Reward": ("-0.092", "0.411", "+0.503 ± 0.090"),
        "Score of the checking model": ("0.021", "0.064", "+0.04 ± 0.10"),
        "KL per answer": ("0", "2.26", "+2.26"),
        "Distinct answers": ("100 %", "98 %", "-2 points"),
        "Answers that end": ("74 %", "100 %", "+26 points"),
        "Length": ("37.4", "13.5", "× 0.36"),
        "Perplexity": ("18.2", "9.61", "× 0.53"),
    }


def test_a_gain_beyond_two_standard_errors_is_one() -> None:
    verdict = compare().verdicts[0]
    assert (verdict.level, plain(verdict.text)) == (
        "good",
        "The reward rose by 0.503 ± 0.090 (95 % interval, paired over 128 prompts).",
    )


@pytest.mark.parametrize(
    ("gain", "error", "level", "words"),
    [
        (0.5, 0.24, "good", "rose by 0.50 ± 0.48"),
        (0.5, 0.26, "unsure", "No change of the reward can be told apart from noise: +0.50 ± 0.52"),
        (-0.5, 0.26, "unsure", "told apart from noise: -0.50 ± 0.52"),
        (-0.5, 0.1, "bad", "The reward fell by 0.50 ± 0.20"),
        (0.0, 0.0, "unsure", "told apart from noise"),
        (0.5, None, "unsure", "its error is unknown"),
    ],
)
def test_what_can_be_said_of_a_gain(gain: float, error: float | None, level: str, words: str) -> None:
    verdict = compare(heldout_reward_gain=gain, heldout_reward_gain_se=error).verdicts[0]
    assert verdict.level == level
    assert words in plain(verdict.text)


def test_the_checking_model_has_a_sentence_of_its_own() -> None:
    second = compare(heldout_second_score_gain=-0.31, heldout_second_score_gain_se=0.06).verdicts[1]
    assert (second.level, "score of the checking model fell by 0.31 ± 0.12" in plain(second.text)) == (
        "bad",
        True,
    )
    names = [name for name in FIGURES if "second_score" in name]
    alone = compare(**dict.fromkeys(names))
    assert len(alone.verdicts) == 1
    assert "Score of the checking model" not in [row.label for row in alone.rows]


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        ({}, "The policy after update 16 of 24 was kept, the best on held-out prompts."),
        ({"best_update": 0}, "the starting policy itself was kept."),
        ({"best_update": None}, ""),
        ({"stopped_at_update": 19}, "prompts. The KL limit stopped the training after update 19."),
    ],
)
def test_it_says_which_policy_was_kept(figures: dict[str, Any], sentence: str) -> None:
    kept = compare(**figures).kept
    assert kept.endswith(sentence)
    assert bool(kept) == bool(sentence)


def test_a_run_without_held_out_prompts_has_no_comparison() -> None:
    assert comparison_of({"final_reward": 1.0, "best_update": 3}, config={}) is None


def test_figures_of_an_older_engine_leave_gaps() -> None:
    older = {
        "heldout_reward_after": 0.4,
        "heldout_reward_before": "text",
        "heldout_distinct_share_after": True,
    }
    found = comparison_of(older, config={})
    assert found is not None
    assert [(row.before, row.after, row.change) for row in found.rows] == [("–", "0.400", "–")]
    assert (found.verdicts, found.kept) == ([], "")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234.5, "1,234"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.1234, "0.123"),
        (0.00012, "1.2e-04"), (-0.5, "-0.500"), (0, "0"), (None, "–"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits(value: float | None, shown: str) -> None:
    assert plain(short(value)) == shown


def test_an_interval_has_two_digits_and_its_value_as_many_places() -> None:
    assert [plain(with_error(1.23456, error)) for error in (0.5, 0.05, 0.0049, 12.0, 0.0)] == [
        "1.2 ± 1.0", "1.23 ± 0.10", "1.2346 ± 0.0098", "1 ± 24", "1.235 ± 0.000",
    ]  # fmt: skip
    assert (plain(signed(-1.5)), signed(1.5), percent(0.996)) == ("-1.50", "+1.50", "100 %")
