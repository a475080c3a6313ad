import math

import pytest

from training.engine.preference_math import accuracy_by_prompt, right


def test_a_tie_counts_half() -> None:
    assert [right(chosen=1.0, rejected=value) for value in (0.0, 1.0, 2.0)] == [1.0, 0.5, 0.0]


def test_with_one_pair_a_prompt_the_error_is_the_usual_one() -> None:
    accuracy, error = accuracy_by_prompt(hits=[1.0, 1.0, 1.0, 0.0], prompts=["a", "b", "c", "d"])
    assert accuracy == 0.75
    assert error == pytest.approx(math.sqrt(0.75 * 0.25 / 3))


def test_pairs_of_one_prompt_count_as_one_observation() -> None:
    once, error_once = accuracy_by_prompt(hits=[1.0, 0.0, 1.0], prompts=["a", "b", "c"])
    thrice, error_thrice = accuracy_by_prompt(hits=[1.0, 0.0, 1.0] * 3, prompts=["a", "b", "c"] * 3)
    assert (once, error_once) == (pytest.approx(thrice), pytest.approx(error_thrice))


def test_a_single_prompt_gives_no_error() -> None:
    assert accuracy_by_prompt(hits=[1.0, 0.0], prompts=["a", "a"]) == (0.5, None)
