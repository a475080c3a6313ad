"""A reward model's figures, and what they allow to say."""

from typing import Any

import pytest

from training.reward_quality import Quality, quality_of

FIGURES = {
    "heldout_accuracy": 0.714,
    "heldout_accuracy_se": 0.021,
    "heldout_ece": 0.043,
    "heldout_length_correlation": -0.124,
    "heldout_longer_is_better": 0.459,
}


def judge(**figures: Any) -> Quality:
    found = quality_of({name: value for name, value in (FIGURES | figures).items() if value is not None})
    assert found is not None
    return found


def test_each_figure_says_what_good_looks_like() -> None:
    tiles = judge().tiles
    assert [(tile.label, tile.value) for tile in tiles] == [
        ("Accuracy", "71.4 ± 4.2 %"),
        ("Calibration error", "0.043"),
        ("Length correlation", "−0.12"),
        ("“The longer answer wins”", "45.9 %"),
    ]
    meanings = " ".join(tile.meaning for tile in tiles)
    for words in ("50 % is guessing", "0 is best", "Near 0 is good", "must be clearly better"):
        assert words in meanings


@pytest.mark.parametrize(
    ("figures", "level", "words"),
    [
        ({}, "good", "clearly better than guessing and than any rule about length"),
        ({"heldout_longer_is_better": 0.70}, "unsure", "but not than a rule about length"),
        # A model can count in either direction.
        ({"heldout_longer_is_better": 0.30}, "unsure", "but not than a rule about length"),
        ({"heldout_accuracy": 0.53}, "bad", "cannot be told apart from guessing"),
        ({"heldout_accuracy": 0.3}, "bad", "cannot be told apart from guessing"),
        ({"heldout_longer_is_better": None}, "good", "better than guessing"),
    ],
)
def test_a_sentence_says_whether_it_learnt(figures: dict[str, Any], level: str, words: str) -> None:
    [verdict] = judge(**figures).verdicts
    assert verdict.level == level
    assert words in verdict.text


def test_without_an_error_nothing_is_claimed() -> None:
    found = judge(heldout_accuracy_se=None)
    assert (found.tiles[0].value, found.verdicts) == ("71 %", [])


def test_without_held_out_pairs_there_is_nothing_to_judge() -> None:
    assert quality_of({"heldout_loss": 1.5}) is None
