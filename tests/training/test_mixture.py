"""Shares of a pretraining run by source, against values computed by hand."""

import math

import pytest

from training.mixture import METHODS, weights

SIZES = {"small": 10, "middle": 100, "large": 1000}


def shares(**options: object) -> list[float]:
    """In the order of SIZES, as multiples of one thousandth."""
    found = weights(SIZES, **options)  # type: ignore[arg-type]
    return [1000 * found[name] for name in SIZES]


def test_proportional_shares_are_those_of_the_sizes() -> None:
    assert shares(method="proportional") == pytest.approx([10_000 / 1110, 100_000 / 1110, 1_000_000 / 1110])


def test_a_temperature_of_one_is_proportional() -> None:
    assert shares(method="temperature", temperature=1.0) == pytest.approx(shares(method="proportional"))


def test_a_temperature_of_two_takes_square_roots() -> None:
    total = math.sqrt(10) + 10 + math.sqrt(1000)
    wanted = [1000 * root / total for root in (math.sqrt(10), 10, math.sqrt(1000))]
    assert shares(method="temperature", temperature=2.0) == pytest.approx(wanted)


@pytest.mark.parametrize(("temperature", "off"), [(1e3, 2.0), (1e6, 2e-3), (math.inf, 1e-9)])
def test_the_hotter_the_more_uniform(temperature: float, off: float) -> None:
    assert shares(method="temperature", temperature=temperature) == pytest.approx([1000 / 3] * 3, abs=off)


def test_a_cold_temperature_leaves_only_the_largest_and_does_not_overflow() -> None:
    huge = {"a": 10**12, "b": 10**13}
    assert weights(huge, method="temperature", temperature=0.001) == pytest.approx({"a": 0.0, "b": 1.0})


@pytest.mark.parametrize(
    ("budget", "most_epochs", "tokens"),
    [
        # small: min(4 * 10, 300 / 3) = 40; middle: min(400, 260 / 2) = 130; large: min(4000, 130) = 130.
        (300, 4, (40, 130, 130)),
        # small: min(10, 100) = 10; middle: min(100, 290 / 2) = 100; large: min(1000, 190) = 190.
        (300, 1, (10, 100, 190)),
        # Nobody reaches the cap: a third each.
        (30, 4, (10, 10, 10)),
        # Half a pass over small is 5, half a pass over middle is 50.
        (1000, 0.5, (5, 50, 500)),
        # More than everything four times: all are at the cap, so the shares are those of the sizes.
        (1_000_000, 4, (40, 400, 4000)),
    ],
)
def test_unimax_fills_the_smallest_first_and_caps_the_passes(
    budget: int, most_epochs: float, tokens: tuple[int, int, int]
) -> None:
    wanted = [1000 * count / sum(tokens) for count in tokens]
    assert shares(method="unimax", budget=budget, most_epochs=most_epochs) == pytest.approx(wanted)


def test_unimax_does_not_depend_on_the_order_of_the_sources() -> None:
    backwards = dict(reversed(SIZES.items()))
    assert weights(backwards, method="unimax", budget=300) == weights(SIZES, method="unimax", budget=300)


@pytest.mark.parametrize("method", METHODS)
def test_the_shares_add_up_and_what_is_empty_gets_nothing(method: str) -> None:
    found = weights({**SIZES, "empty": 0}, method=method, temperature=math.inf, budget=300)
    assert list(found) == ["small", "middle", "large", "empty"]
    assert found["empty"] == 0.0
    assert math.fsum(found.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("method", METHODS)
def test_a_single_source_gets_everything(method: str) -> None:
    assert weights({"only": 7}, method=method, budget=300) == {"only": 1.0}


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        (SIZES, {"method": "doremi"}, "proportional, temperature, unimax"),
        ({}, {"method": "proportional"}, "No source"),
        ({"a": 0}, {"method": "proportional"}, "No source"),
        ({"a": 3, "b": -1}, {"method": "proportional"}, "fewer than 0"),
        (SIZES, {"method": "temperature", "temperature": 0.0}, "above 0"),
        (SIZES, {"method": "temperature", "temperature": math.nan}, "above 0"),
        (SIZES, {"method": "unimax"}, "number of tokens"),
        (SIZES, {"method": "unimax", "budget": 0}, "number of tokens"),
        (SIZES, {"method": "unimax", "budget": 10, "most_epochs": 0}, "passes"),
    ],
)
def test_what_makes_no_mixture_is_refused(
    counts: dict[str, int], options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        weights(counts, **options)  # type: ignore[arg-type]
