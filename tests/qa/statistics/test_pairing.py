"""Who agrees with whom, against the plain definition."""

import random
from itertools import combinations

from qa.statistics.pairing import PairOfPeople, pairs_of_people

Given = dict[str, list[tuple[int, int]]]


def plainly(given: Given) -> list[PairOfPeople]:
    found = []
    for one, other in combinations(sorted(given), 2):
        mine, theirs = dict(given[one]), dict(given[other])
        met = mine.keys() & theirs.keys()
        if met:
            found.append(PairOfPeople(one, other, sum(mine[unit] == theirs[unit] for unit in met), len(met)))
    return found


def some_people(seed: int) -> Given:
    chance = random.Random(seed)
    units = range(40)
    return {
        f"p{number}": [(unit, chance.randrange(3)) for unit in units if chance.random() < 0.4]
        for number in range(7)
    }


def test_it_counts_as_the_definition_does() -> None:
    for seed in range(5):
        given = some_people(seed)
        assert pairs_of_people(given, most=7) == plainly(given)


def test_people_who_never_met_are_no_pair() -> None:
    assert pairs_of_people({"a": [(0, 1)], "b": [(1, 1)]}, most=9) == []
    assert pairs_of_people({}, most=9) == []
    assert pairs_of_people({"a": []}, most=9) == []


def test_only_those_who_gave_the_most_are_compared() -> None:
    given = {"a": [(0, 1), (1, 1)], "b": [(0, 1)], "c": [(0, 2), (1, 1)]}
    assert pairs_of_people(given, most=2) == [PairOfPeople("a", "c", 1, 2)]
