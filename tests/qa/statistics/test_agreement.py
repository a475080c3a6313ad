"""Krippendorff's alpha against published values, and its interval against repeated samples."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qa.statistics.agreement import (
    DRAWS,
    Units,
    _alphas,
    _drawn,
    _profiles,
    alpha_with_interval,
    alphas_without,
    counted,
    mirrored,
)
from qa.statistics.label_sets import distances, jaccard_distance, masi_distance

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
TRIPLES = (0, 1, 2)


def units_of(given: dict[str, Any]) -> Units:
    if "items_x_categories_counts" in given:
        counts = np.array(given["items_x_categories_counts"])
        return Units(counts, np.arange(len(counts)), tuple(range(counts.shape[1])))
    if "confusion" in given:
        pairs = [
            labels
            for first, row in enumerate(given["confusion"])
            for second, times in enumerate(row)
            for labels in [(first, second)] * times
        ]
        return counted([(unit, value) for unit, pair in enumerate(pairs) for value in pair], values=(0, 1))
    rows = given["raters_x_units"]
    values = sorted({value for row in rows for value in row if value is not None})
    labels = [(unit, value) for row in rows for unit, value in enumerate(row) if value is not None]
    return counted(labels, values=values, items=range(len(rows[0])))


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["level"] != "Jaccard"], ids=lambda v: v["id"])
def test_alpha_is_the_published_one_and_our_own_formula_equals_the_package(vector: dict[str, Any]) -> None:
    units = units_of(vector["input"])
    found = alpha_with_interval(units, level=vector["level"])
    assert found.alpha == pytest.approx(vector["expected"], abs=1e-6)
    pairable = units.counts.sum(axis=1) >= 2
    profiles = _profiles(
        units.counts[pairable], units.items[pairable], level=vector["level"], values=units.values
    )
    own = _alphas((profiles.times @ profiles.rows)[None], profiles)[0]
    assert own == pytest.approx(found.alpha, abs=1e-9)


def test_alpha_of_label_sets_takes_the_distance_that_it_is_given() -> None:
    [vector] = [v for v in VECTORS if v["level"] == "Jaccard"]
    rows = [[frozenset(labels) for labels in row] for row in vector["input"]["units_x_raters_labelsets"]]
    values = sorted({labels for row in rows for labels in row}, key=sorted)
    units = counted([(unit, labels) for unit, row in enumerate(rows) for labels in row], values=values)
    found = alpha_with_interval(units, level=distances(values, distance=jaccard_distance))
    assert found.alpha == pytest.approx(vector["expected"], abs=1e-6)


def test_masi_weighs_a_subset_less_than_a_clash() -> None:
    a, ab, ac, d = (frozenset(letters) for letters in ("a", "ab", "ac", "d"))
    assert [masi_distance(a, other) for other in (a, ab, d)] == pytest.approx([0, 1 - 1 / 3, 1])
    assert masi_distance(ab, ac) == pytest.approx(1 - 1 / 9)
    assert masi_distance(frozenset(), frozenset()) == jaccard_distance(frozenset(), frozenset()) == 0
    assert masi_distance(frozenset(), a) == 1


def sample(chance: np.random.Generator, items: int, people: int = 3) -> Units:
    """Three classes of unequal size; each label is right, or else any of the three."""
    truth = chance.choice(3, items, p=[0.5, 0.3, 0.2])
    labels = np.where(
        chance.random((items, people)) < 0.75, truth[:, None], chance.integers(0, 3, (items, people))
    )
    counts = np.stack([(labels == value).sum(axis=1) for value in TRIPLES], axis=1)
    return Units(counts, np.arange(items), TRIPLES)


@pytest.mark.parametrize("items", [20, 60, 200])
def test_the_interval_covers_the_truth_as_often_as_it_says(items: int) -> None:
    truth = alpha_with_interval(sample(np.random.default_rng(1), 300_000), level="nominal", draws=50).alpha
    assert truth is not None
    chance = np.random.default_rng(items)
    covered = 0
    for number in range(300):
        found = alpha_with_interval(sample(chance, items), level="nominal", draws=300, seed=number)
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    # 95 % is said; 300 samples see it within 2.5 points.
    assert 0.91 <= covered / 300 <= 0.985


def test_the_interval_of_ranked_pairs_draws_tasks_and_not_pairs() -> None:
    """Six pairs of one ranking hang together: drawing them apart would claim six times the tasks."""
    chance = np.random.default_rng(4)
    tasks = 100
    rows, items = [], []
    for task in range(tasks):
        agree = chance.random() < 0.6
        for _pair in range(6):
            rows.append([0, 0, 2] if agree else [1, 0, 1])
            items.append(task)
    counts = np.array(rows)
    together = alpha_with_interval(
        mirrored(Units(counts, np.array(items), (-1, 0, 1))), level="ordinal", seed=1
    )
    apart = alpha_with_interval(
        mirrored(Units(counts, np.arange(len(rows)), (-1, 0, 1))), level="ordinal", seed=1
    )
    assert together.items == tasks
    assert together.alpha == pytest.approx(apart.alpha)
    assert together.high - together.low > 2 * (apart.high - apart.low)  # type: ignore[operator]


def test_alpha_of_pairs_does_not_hang_on_which_answer_is_called_the_first() -> None:
    chance = np.random.default_rng(5)
    counts = chance.multinomial(3, [0.2, 0.2, 0.6], size=80)
    turned = counts.copy()
    turned[::2] = turned[::2, ::-1]
    found = [
        alpha_with_interval(mirrored(Units(rows, np.arange(80), (-1, 0, 1))), level="ordinal").alpha
        for rows in (counts, turned)
    ]
    assert found[0] == pytest.approx(found[1])


def test_equal_input_gives_equal_output() -> None:
    units = sample(np.random.default_rng(2), 200)
    assert alpha_with_interval(units, level="nominal", seed=3) == alpha_with_interval(
        units, level="nominal", seed=3
    )
    assert alpha_with_interval(units, level="nominal", seed=3) != alpha_with_interval(
        units, level="nominal", seed=4
    )


def test_both_ways_of_drawing_give_the_same_distribution() -> None:
    """Few distinct items are drawn as multinomial counts, many as numbers: the result must not differ."""
    units = sample(np.random.default_rng(6), 400)
    profiles = _profiles(units.counts, units.items, level="nominal", values=TRIPLES)
    assert len(profiles.times) * 8 <= profiles.items
    spread = type(profiles)(
        rows=np.repeat(profiles.rows, profiles.times, axis=0),
        times=np.ones(400, dtype=np.int64),
        values=3,
        distances=profiles.distances,
    )
    quantiles = [
        np.quantile(np.concatenate(list(_drawn(way, draws=4000, seed=1))), [0.025, 0.5, 0.975])
        for way in (profiles, spread)
    ]
    assert quantiles[0] == pytest.approx(quantiles[1], abs=0.01)


@pytest.mark.parametrize(
    ("labels", "why"),
    [([], "no_pairs"), ([(0, 1), (1, 2)], "no_pairs"), ([(0, 1), (0, 1), (1, 1), (1, 1)], "one_value")],
)
def test_what_does_not_exist_is_said_not_to_exist(labels: list[tuple[int, int]], why: str) -> None:
    found = alpha_with_interval(counted(labels, values=TRIPLES), level="nominal")
    assert (found.alpha, found.low, found.high, found.undefined) == (None, None, None, why)


def test_without_any_disagreement_the_lower_end_tells_how_little_was_seen() -> None:
    """Resampling items that all agree would claim certainty after three of them."""
    lows = []
    for items in (4, 40, 400):
        labels = [(unit, unit % 2) for unit in range(items) for _person in range(2)]
        found = alpha_with_interval(counted(labels, values=(0, 1)), level="nominal")
        assert (found.alpha, found.high, found.method) == (1.0, 1.0, "exact bound")
        lows.append(found.low)
    assert lows == sorted(lows)
    assert lows[0] < 0
    assert lows[2] > 0.97


def test_few_items_get_the_jackknife_and_two_get_no_interval() -> None:
    few = alpha_with_interval(sample(np.random.default_rng(3), 30), level="nominal")
    many = alpha_with_interval(sample(np.random.default_rng(3), 300), level="nominal")
    assert (few.method, many.method) == ("item jackknife", "item bootstrap")
    two = alpha_with_interval(counted([(0, 0), (0, 1), (1, 1), (1, 1)], values=(0, 1)), level="nominal")
    assert two.alpha is not None
    assert (two.low, two.high) == (None, None)


def test_alpha_without_a_person_is_that_of_the_others() -> None:
    chance = np.random.default_rng(8)
    truth = chance.integers(0, 3, 60)
    people = {
        name: np.where(chance.random(60) < right, truth, chance.integers(0, 3, 60))
        for name, right in (("a", 0.9), ("b", 0.9), ("guesser", 0.0))
    }
    labels = [(unit, int(value)) for row in people.values() for unit, value in enumerate(row)]
    units = counted(labels, values=TRIPLES)
    given = {name: [(unit, int(value)) for unit, value in enumerate(row)] for name, row in people.items()}
    for level in ("nominal", "ordinal"):
        found = alphas_without(units, given, level=level)  # type: ignore[arg-type]
        for name in people:
            rest = [pair for other, row in given.items() if other != name for pair in row]
            expected = alpha_with_interval(counted(rest, values=TRIPLES), level=level)  # type: ignore[arg-type]
            assert found[name] == pytest.approx(expected.alpha, abs=1e-9)
    assert found["guesser"] > 0.5 > found["a"]  # type: ignore[operator]


def test_a_hundred_thousand_items_take_no_time() -> None:
    """The budget is 3 s; benchmarks/agreement.py measures it. Here only: no quadratic cost hides."""
    units = sample(np.random.default_rng(9), 100_000, people=4)
    found = alpha_with_interval(units, level="nominal", draws=DRAWS)
    assert found.items == 100_000
    assert found.high - found.low < 0.01  # type: ignore[operator]
