"""Comparing answers, by kind and without Django: with known answers, with each other, as votes.

A vote of a ranking is about one pair of candidates, always in the same order: 1 where the first is better, -1
where the second is, 0 for a tie. A candidate that was not ranked gives no vote.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from annotation.kinds import ranking

Answer = Mapping[str, Any]
Pair = tuple[str, str]
COMPARABLE = ("ranking", "classification")


def pair_votes(answer: Answer) -> dict[Pair, int]:
    found = ranking.pairs(answer)
    votes = {_ordered(pair): 0 for pair in found.ties}
    for better, worse in found.preferences:
        votes[_ordered((better, worse))] = 1 if better < worse else -1
    return votes


def _ordered(pair: Pair) -> Pair:
    first, second = sorted(pair)
    return first, second


def is_right(kind: str, answer: Answer, accepted: Sequence[Answer]) -> bool:
    """Whether the answer is one of the known ones.

    A ranking is right when it holds every strict preference of a known one; candidates that share a place in
    gold may come in any order. Labels must be exactly those of a known answer.
    """
    if kind == "ranking":
        mine = set(ranking.pairs(answer).preferences)
        return any(set(ranking.pairs(known).preferences) <= mine for known in accepted)
    return any(set(answer["labels"]) == set(known["labels"]) for known in accepted)


def disagreement(kind: str, answers: Sequence[Answer]) -> list[tuple[bool, float]]:
    """For each answer of a task: whether more of the others contradict it than agree, and how much they do.

    The second figure is the share of contradicted votes, a tie against a preference counting half.
    """
    if kind == "ranking":
        votes = [pair_votes(answer) for answer in answers]
    else:
        votes = [{("", ""): tuple(answer["labels"])} for answer in answers]  # type: ignore[dict-item]
    return [_against(own, [*votes[:at], *votes[at + 1 :]]) for at, own in enumerate(votes)]


def _against(own: Mapping[Pair, Any], others: Sequence[Mapping[Pair, Any]]) -> tuple[bool, float]:
    is_outvoted, contradicted, compared = False, 0.0, 0
    for pair, vote in own.items():
        theirs = [other[pair] for other in others if pair in other]
        opposed = sum(_distance(vote, other) for other in theirs)
        same = sum(other == vote for other in theirs)
        # Against a tie half a contradiction: alone it outvotes nobody.
        is_outvoted |= opposed > same and opposed >= 1
        contradicted += opposed
        compared += len(theirs)
    return is_outvoted, contradicted / compared if compared else 0.0


def _distance(vote: Any, other: Any) -> float:
    if isinstance(vote, int):
        return abs(vote - other) / 2
    return float(vote != other)


def majority_votes(answers: Sequence[Answer]) -> dict[Pair, int]:
    """The side of each pair that has more than half of the votes on it, ties among them, or no side."""
    votes: dict[Pair, list[int]] = {}
    for answer in answers:
        for pair, vote in pair_votes(answer).items():
            votes.setdefault(pair, []).append(vote)
    found = {}
    for pair, given in votes.items():
        for side in (1, -1):
            if 2 * given.count(side) > len(given):
                found[pair] = side
    return found


def majority_labels(answers: Sequence[Answer]) -> list[str]:
    """The labels that more than half of the answers gave, in the order in which they first appear."""
    offered = dict.fromkeys(label for answer in answers for label in answer["labels"])
    return [
        label for label in offered if 2 * sum(label in answer["labels"] for answer in answers) > len(answers)
    ]


def end_places(answer: Answer) -> int | None:
    """Which of the two outer places on the page won: 1 the first, -1 the last, None for neither.

    One pair an answer, so that a person's choices are independent of each other.
    """
    shown = answer["shown_order"]
    if len(shown) < 2:
        return None
    first, last = shown[0], shown[-1]
    vote = pair_votes(answer).get(_ordered((first, last)), 0)
    return (vote if first < last else -vote) or None


def all_pairs(candidates: Sequence[str]) -> list[Pair]:
    return [_ordered(pair) for pair in combinations(candidates, 2)]
