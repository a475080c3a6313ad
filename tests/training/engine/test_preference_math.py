import math

import pytest

from training.engine.preference_math import (
    accuracy_by_prompt,
    calibration_error,
    pearson,
    preference_figures,
    right,
)


def logit(chance: float) -> float:
    return math.log(chance / (1 - chance))


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


def test_the_calibration_error_is_that_worked_out_by_hand() -> None:
    # Two pairs at confidence 0.9, one of them right: |1 - 1.8| = 0.8 pairs off. Three at 0.6, two right:
    # |2 - 1.8| = 0.2 pairs off. In all 1.0 of five pairs.
    differences = [logit(0.9), -logit(0.9), logit(0.6), logit(0.6), -logit(0.6)]
    assert calibration_error(differences=differences) == pytest.approx(0.2)


def test_a_model_that_is_as_often_right_as_it_is_sure_has_no_calibration_error() -> None:
    differences = [logit(0.8)] * 8 + [-logit(0.8)] * 2
    assert calibration_error(differences=differences) == pytest.approx(0.0, abs=1e-12)


def test_a_model_that_is_always_sure_and_half_the_time_wrong_is_half_off() -> None:
    assert calibration_error(differences=[50.0, -50.0]) == pytest.approx(0.5)


def test_a_constant_model_is_calibrated_for_it_claims_nothing() -> None:
    assert calibration_error(differences=[0.0, 0.0, 0.0]) == 0.0


def test_errors_of_one_bin_do_not_make_up_for_those_of_another() -> None:
    # 0.6 and right is 0.4 off, 0.8 and wrong is 0.8 off.
    differences = [logit(0.6), -logit(0.8)]
    assert calibration_error(differences=differences) == pytest.approx(0.6)
    # In one bin for all they would: |1 - 1.4| of two pairs.
    assert calibration_error(differences=differences, bins=1) == pytest.approx(0.2)


def test_a_difference_too_large_for_a_probability_is_certainty() -> None:
    assert calibration_error(differences=[1e6]) == 0.0


def test_the_correlation_is_that_worked_out_by_hand() -> None:
    # Deviations (-1, 0, 1) and (-1, -1, 2): covariance 3, variances 2 and 6.
    assert pearson([1.0, 2.0, 3.0], [4, 4, 7]) == pytest.approx(3 / math.sqrt(12))


def test_without_spread_there_is_no_correlation() -> None:
    assert pearson([1.0, 2.0], [3, 3]) is None
    assert pearson([1.0], [3]) is None


def test_a_model_that_counts_tokens_is_shown_up_by_its_length_correlation() -> None:
    longer_by = [3, -2, 5, 1]
    figures = preference_figures(
        chosen=[float(more) for more in longer_by],
        rejected=[0.0] * 4,
        longer_by=longer_by,
        prompts=["a", "b", "c", "d"],
    )
    assert figures["length_correlation"] == pytest.approx(1.0)
    assert figures["accuracy"] == figures["longer_is_better"] == 0.75
    assert figures["margin"] == pytest.approx(7 / 4)
