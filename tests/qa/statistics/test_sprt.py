"""The error rates of the test on gold, by simulation: whom it stops, and how soon."""

import math
import random

import pytest

from qa.statistics import sprt

PEOPLE = 1500


def failed_share(right: float, *, golds: int, seed: int = 1) -> tuple[float, float]:
    """Of people who are right with this probability: how many fail, and after how many golds."""
    chance = random.Random(seed)
    stopped = [
        after for _person in range(PEOPLE) if (after := golds_to_failure(chance, right, golds)) is not None
    ]
    return len(stopped) / PEOPLE, sum(stopped) / max(1, len(stopped))


def golds_to_failure(chance: random.Random, right: float, golds: int) -> int | None:
    log_ratio, passed = 0.0, 0
    for answered in range(1, golds + 1):
        after = sprt.step(log_ratio, is_right=chance.random() < right, tests_passed=passed)
        log_ratio = after.log_ratio
        if after.verdict == "failed":
            return answered
        passed += after.verdict == "passed"
    return None


@pytest.mark.parametrize(("right", "most"), [(0.90, 0.004), (0.85, 0.02)])
def test_good_people_are_rarely_stopped_even_over_two_hundred_golds(right: float, most: float) -> None:
    assert failed_share(right, golds=200)[0] <= most


def test_somebody_at_the_limit_fails_about_as_often_as_alpha_says() -> None:
    share, _after = failed_share(sprt.P_GOOD, golds=15)
    assert share <= sprt.ALPHA
    assert failed_share(sprt.P_GOOD, golds=200)[0] <= 0.15


def test_whoever_tosses_a_coin_is_stopped_soon() -> None:
    share, after = failed_share(0.5, golds=50)
    assert share >= 0.95
    assert after <= 18


def test_somebody_bad_passes_the_first_test_about_as_often_as_beta_says() -> None:
    chance = random.Random(2)
    passed = 0
    for _person in range(PEOPLE):
        step = sprt.Step(0.0, "open")
        while step.verdict == "open":
            step = sprt.step(step.log_ratio, is_right=chance.random() < sprt.P_BAD)
        passed += step.verdict == "passed"
    assert passed / PEOPLE <= sprt.BETA + 0.02


def test_four_wrong_answers_in_a_row_fail_and_six_right_ones_pass() -> None:
    for is_right, needed, verdict in ((False, 4, "failed"), (True, 6 + 1, "passed")):
        log_ratio, verdicts = 0.0, []
        for _number in range(needed):
            after = sprt.step(log_ratio, is_right=is_right)
            log_ratio = after.log_ratio
            verdicts.append(after.verdict)
        assert verdicts[-1] == verdict
        assert set(verdicts[:-1]) <= {"open"}


def test_after_a_pass_the_next_test_starts_at_nothing_and_is_stricter_about_failing() -> None:
    after = sprt.step(sprt.passes_at(0) + 0.01, is_right=True)
    assert after == sprt.Step(0.0, "passed")
    assert sprt.fails_at(1) > sprt.fails_at(0)
    assert math.isclose(sprt.fails_at(0), math.log(0.9 / 0.05))
