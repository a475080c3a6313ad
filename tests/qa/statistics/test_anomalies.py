"""Flags: they find the people that they should, and honest people hardly ever."""

import numpy as np
import pytest

from qa.statistics.anomalies import LEVEL, Finding, Timed, flagged, holm, side_bias, too_fast
from qa.statistics.student import half_binomial, t_below, t_quantile

P_1995 = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
    0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1.0,
]  # fmt: skip
FAST, SIDED = "fast-one", "sided-one"


def a_project(seed: int, *, honest: int = 18, with_bad: bool = False, answers: int = 60) -> list[Finding]:
    """People differ in speed; the fast one reads nothing, the sided one often takes the first place."""
    chance = np.random.default_rng(seed)
    names = [f"person-{number}" for number in range(honest)] + ([FAST, SIDED] if with_bad else [])
    times, choices = {}, {}
    for name in names:
        own = chance.normal(0, 0.3) - (2.5 if name == FAST else 0)
        characters = np.exp(chance.normal(6, 0.6, answers))
        seconds = np.exp(0.5 + own + 0.6 * np.log(characters) + chance.normal(0, 0.5, answers))
        times[name] = [
            Timed(int(second * 100) + 1, int(size)) for second, size in zip(seconds, characters, strict=True)
        ]
        first = int(chance.binomial(answers, 0.8 if name == SIDED else 0.5))
        choices[name] = (first, answers - first)
    return [*side_bias(choices), *too_fast(times)]


def test_honest_people_are_hardly_ever_flagged() -> None:
    accused = sum(bool(flagged(a_project(seed))) for seed in range(150))
    assert accused / 150 <= LEVEL + 0.03
    uncorrected = sum(any(finding.p <= LEVEL for finding in a_project(seed)) for seed in range(40))
    assert uncorrected / 40 > 0.5, "without the correction most projects would accuse somebody"


def test_the_fast_and_the_sided_are_found_and_nobody_else() -> None:
    found = {FAST: 0, SIDED: 0, "others": 0}
    for seed in range(40):
        accused = {(finding.person, finding.test) for finding, _p in flagged(a_project(seed, with_bad=True))}
        found[FAST] += (FAST, "fast") in accused
        found[SIDED] += (SIDED, "side") in accused
        found["others"] += bool(accused - {(FAST, "fast"), (SIDED, "side"), (FAST, "side"), (SIDED, "fast")})
    assert found[FAST] >= 36
    assert found[SIDED] >= 36
    assert found["others"] <= 3


def test_whoever_got_the_short_tasks_is_not_fast() -> None:
    """The time is judged against the length of what there was to read."""
    chance = np.random.default_rng(3)
    times = {}
    for number in range(10):
        short = number == 0
        sizes = np.exp(chance.normal(4 if short else 7, 0.4, 60))
        seconds = np.exp(0.1 * chance.normal(0, 1) + np.log(sizes) + chance.normal(0, 0.3, 60))
        times[f"person-{number}"] = [
            Timed(int(second * 20) + 1, int(size)) for second, size in zip(seconds, sizes, strict=True)
        ]
    [finding] = [finding for finding in too_fast(times) if finding.person == "person-0"]
    assert finding.p > 0.05


def test_few_answers_and_few_people_are_not_tested() -> None:
    assert side_bias({"new": (11, 0)}) == []
    assert [finding.p for finding in side_bias({"old": (12, 0)})] == pytest.approx([2 / 2**12])
    answers = [Timed(1000, 100)] * 20
    assert too_fast({f"person-{number}": answers for number in range(6)}) == []
    assert too_fast({f"person-{number}": answers[:9] for number in range(20)}) == []


def test_equal_people_are_no_anomaly() -> None:
    answers = [Timed(1000 + at, 100) for at in range(20)]
    assert all(finding.p > 0.05 for finding in too_fast({f"p{number}": answers for number in range(9)}))


def test_time_that_was_not_measured_is_left_out() -> None:
    nothing = [Timed(0, 100)] * 50
    assert too_fast({f"person-{number}": nothing for number in range(9)}) == []


def test_holm_rejects_what_the_worked_example_rejects() -> None:
    adjusted = holm(P_1995)
    assert sum(p <= 0.05 for p in adjusted) == 3
    assert adjusted == sorted(adjusted)
    assert holm([0.04, 0.01]) == [0.04, 0.02]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("freedom", "expected"), [(1, 12.7062), (2, 4.3027), (5, 2.5706), (19, 2.0930), (49, 2.0096)]
)
def test_students_t_is_that_of_the_tables(freedom: int, expected: float) -> None:
    assert t_quantile(0.975, freedom) == pytest.approx(expected, abs=1e-4)
    assert t_below(-expected, freedom) == pytest.approx(0.025, abs=1e-5)
    assert t_below(0.0, freedom) == pytest.approx(0.5)


def test_the_exact_binomial_is_that_of_the_tables() -> None:
    assert half_binomial(3, 17) == pytest.approx(0.0127258, abs=1e-6)
    assert half_binomial(5, 10) == 1.0
    assert half_binomial(0, 0) == 1.0
    assert half_binomial(900, 1000) < 1e-100
