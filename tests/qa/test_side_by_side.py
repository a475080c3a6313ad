"""The answers to one task beside each other: what is told in words, and what is marked as different."""

from typing import Any

import pytest

from qa.side_by_side import _places, agreement_in_words, contested_pair

LETTERS = {"u1": "A", "u2": "B", "u3": "C"}


def ranking(*tiers: str, all_bad: bool = False) -> dict[str, Any]:
    return {"ranking": [tier.split("=") for tier in tiers], "all_bad": all_bad}


def labels(*given: str) -> dict[str, Any]:
    return {"labels": list(given)}


@pytest.mark.parametrize(
    ("answers", "sentences"),
    [
        ([ranking("u1", "u2", "u3")], []),
        (
            [ranking("u2", "u1", "u3"), ranking("u2", "u1", "u3")],
            ["Both put B first.", "Both put C last.", "They agree on every pair."],
        ),
        (
            [ranking("u2", "u1", "u3"), ranking("u2", "u1", "u3"), ranking("u1", "u2", "u3")],
            ["2 of 3 put B first.", "All 3 put C last.", "They differ on 1 of 3 pairs: A–B."],
        ),
        (
            [ranking("u1", "u2=u3"), ranking("u1", "u2", "u3")],
            ["Both put A first.", "They differ on 1 of 3 pairs: B–C."],
        ),
        (
            [ranking("u1", "u2"), ranking(all_bad=True)],
            ["1 of 2 put A first.", "1 of 2 put B last.", "1 of 2 found all of them bad."],
        ),
        ([ranking("u1", "u2"), ranking("u2", "u1")], ["They differ on 1 of 1 pairs: A–B."]),
    ],
)
def test_rankings_are_told_in_words(answers: list[dict[str, Any]], sentences: list[str]) -> None:
    assert agreement_in_words("ranking", answers, LETTERS) == sentences


@pytest.mark.parametrize(
    ("tiers", "places"),
    [
        (["u1", "u2", "u3"], [1, 2, 3]),
        (["u1=u2", "u3"], [1, 1, 3]),
        (["u1", "u2=u3"], [1, 2, 2]),
        (["u2"], [None, 1, None]),
    ],
)
def test_a_tie_above_a_candidate_does_not_move_it_up(tiers: list[str], places: list[int | None]) -> None:
    usual = dict.fromkeys(LETTERS, None)
    found = _places(ranking(*tiers), LETTERS, usual)
    assert [place.number for place in found] == places


def test_labels_are_told_by_how_many_chose_each() -> None:
    answers = [labels("praise"), labels("praise", "complaint"), labels("praise")]
    assert agreement_in_words("classification", answers, {}) == [
        "All 3 chose “praise”.",
        "1 of 3 chose “complaint”.",
    ]


def test_written_answers_are_not_told_in_words() -> None:
    assert agreement_in_words("demonstration", [{"completion": "x"}, {"completion": "x"}], {}) == []


def test_the_pair_worth_comparing_is_one_on_which_people_differ() -> None:
    assert contested_pair([ranking("u1", "u2", "u3"), ranking("u1", "u3", "u2")], LETTERS) == ("B", "C")
    assert contested_pair([ranking("u1", "u2", "u3")], LETTERS) == ("A", "B")
    assert contested_pair([], {"u1": "A"}) is None
