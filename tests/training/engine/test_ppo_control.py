"""The price of the KL, the gains and the alarms, against numbers worked out by hand."""

import math
from typing import Any

import pytest

from training.engine.ppo_control import (
    Alarm,
    Gain,
    is_beyond,
    next_kl_coefficient,
    paired_gain,
    standing_alarms,
)

BEFORE = {"kl_sequence": 0.0, "distinct_share": 0.9, "ended_share": 0.95, "response_length": 20.0}
RISEN, NOISE = Gain(mean=1.0, error=0.2), Gain(mean=0.3, error=0.2)


def alarms_after(
    *, reward: Gain = RISEN, second: Gain | None = None, limit: float = 0.0, **changes: Any
) -> list[Alarm]:
    after = BEFORE | {"kl_sequence": 3.0} | changes
    return standing_alarms(before=BEFORE, after=after, reward=reward, second=second, kl_limit=limit)


def test_the_coefficient_rises_above_the_target_and_falls_below_it_by_at_most_a_tenth() -> None:
    assert next_kl_coefficient(0.2, kl=4.4, target=4.0, floor=0.1) == pytest.approx(0.2 * 1.05)
    assert next_kl_coefficient(0.2, kl=3.6, target=4.0, floor=0.1) == pytest.approx(0.2 * 0.95)
    assert next_kl_coefficient(0.2, kl=400.0, target=4.0, floor=0.1) == pytest.approx(0.22)
    assert next_kl_coefficient(0.2, kl=-1.0, target=4.0, floor=0.1) == pytest.approx(0.18)


def test_the_coefficient_never_falls_below_its_floor() -> None:
    coefficient = 0.15
    for _ in range(50):
        coefficient = next_kl_coefficient(coefficient, kl=0.0, target=4.0, floor=0.1)
    assert coefficient == 0.1


def test_without_a_target_the_coefficient_stays() -> None:
    assert next_kl_coefficient(0.05, kl=100.0, target=0.0, floor=0.0) == 0.05


def test_without_a_limit_no_drift_is_beyond_it() -> None:
    assert not is_beyond(1e6, limit=0.0)
    assert is_beyond(8.1, limit=8.0) and not is_beyond(8.0, limit=8.0)


def test_a_gain_is_the_mean_difference_by_prompt_with_its_standard_error() -> None:
    gain = paired_gain([0.0, 2.0, 1.0], [1.0, 2.0, 3.0])
    assert gain.mean == pytest.approx(1.0)
    # Differences 1, 0, 2: unbiased variance 1, so the error is 1 / sqrt(3).
    assert gain.error == pytest.approx(1 / math.sqrt(3))
    assert not gain.has_risen and not gain.has_fallen


def test_one_prompt_makes_no_gain_sure() -> None:
    gain = paired_gain([0.0], [100.0])
    assert gain.mean == 100.0 and not gain.has_risen


@pytest.mark.parametrize(
    ("kind", "change", "healthy"),
    [
        ("distinct", {"distinct_share": 0.62}, {"distinct_share": 0.64}),
        ("form", {"ended_share": 0.84}, {"ended_share": 0.86}),
        ("length", {"response_length": 11.9}, {"response_length": 12.1}),
        ("length", {"response_length": 32.1}, {"response_length": 31.9}),
        ("second_score", {"second": Gain(-0.5, 0.2)}, {"second": Gain(-0.3, 0.2)}),
    ],
)
def test_an_alarm_is_raised_where_the_reward_rises_and_something_breaks(
    kind: str, change: dict[str, Any], healthy: dict[str, Any]
) -> None:
    [alarm] = alarms_after(**change)
    assert alarm.kind == kind
    assert alarm.reason.startswith("The reward rose by 1.00 while ") and alarm.hint
    assert not alarms_after(**healthy)
    assert not alarms_after(**change, reward=NOISE)


def test_the_reason_holds_the_figures() -> None:
    [alarm] = alarms_after(distinct_share=0.25)
    assert "fell from 90% to 25%" in alarm.reason
    [alarm] = alarms_after(response_length=5.0)
    assert "shorter: from 20 to 5 tokens" in alarm.reason


def test_several_things_can_break_at_once() -> None:
    alarms = alarms_after(distinct_share=0.1, ended_share=0.1, response_length=90.0, limit=2.0)
    assert [alarm.kind for alarm in alarms] == ["kl", "distinct", "form", "length"]


def test_drift_beyond_the_limit_is_an_alarm_whatever_the_reward_did() -> None:
    [alarm] = alarms_after(reward=NOISE, limit=2.5)
    assert alarm.kind == "kl" and "3.0 nats" in alarm.reason and "2.5" in alarm.reason
