"""Simulated annotators: eight honest ones with noise and one who answers at random, and what is released.

No person judged anything here; every id says `simulated`. The steps are those of a real project: gold tasks
with a known answer that all annotators see, an overlap of three annotators a pair, exclusion of those who
fail the gold, the majority of the rest. Pure and deterministic by seed.
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from training.simulated_world import true_score

Side = Literal["left", "right"]
Choice = Side | Literal["tie"]
SIDES: tuple[Side, Side] = ("left", "right")

HONEST = 8
LEAST_NOISE, MOST_NOISE = 0.18, 0.33
TIE_WITHIN = 0.1
SHARE_OF_RANDOM_TIES = 0.1
OVERLAP = 3
GOLD_TASKS = 12
# Far enough apart that even the noisiest honest annotator errs in fewer than one of a hundred gold tasks.
GOLD_DISTANCE = 1.5
# Of 12. An honest annotator fails with a chance below one in ten thousand, one at random passes in 0.8 %.
GOLD_TO_PASS = 10


@dataclass(frozen=True)
class Annotator:
    """`noise` is the deviation of an honest annotator's utilities from the true score; None: at random."""

    id: str
    noise: float | None

    def judge(self, comparison: "Comparison", chooser: random.Random) -> Choice:
        if self.noise is None:
            return chooser.choices(("left", "right", "tie"), weights=(45, 45, 10))[0]
        left, right = (score + chooser.gauss(0, self.noise) for score in comparison.true_scores)
        if abs(left - right) < TIE_WITHIN:
            return "tie"
        return "left" if left > right else "right"

    def rank(self, scores: Sequence[float], chooser: random.Random) -> list[list[int]]:
        """Any number of answers by their true scores, as tiers of places, the best first.

        Two neighbours in the order whose utilities differ by less than TIE_WITHIN share a tier.
        """
        if self.noise is None:
            places = chooser.sample(range(len(scores)), len(scores))
            return [places] if chooser.random() < SHARE_OF_RANDOM_TIES else [[place] for place in places]
        utilities = [score + chooser.gauss(0, self.noise) for score in scores]
        tiers: list[list[int]] = []
        for place in sorted(range(len(scores)), key=lambda place: -utilities[place]):
            if tiers and utilities[tiers[-1][-1]] - utilities[place] < TIE_WITHIN:
                tiers[-1].append(place)
            else:
                tiers.append([place])
        return tiers


@dataclass(frozen=True)
class Comparison:
    """Two answers to a prompt, in the order in which everybody sees them."""

    id: str
    prompt: str
    left: str
    right: str

    @cached_property
    def true_scores(self) -> tuple[float, float]:
        return true_score(self.prompt, self.left), true_score(self.prompt, self.right)


@dataclass(frozen=True)
class Vote:
    comparison: Comparison
    annotator: Annotator
    choice: Choice


@dataclass(frozen=True)
class Preference:
    """A released label."""

    comparison: Comparison
    choice: Side

    @property
    def chosen(self) -> str:
        return self.comparison.left if self.choice == "left" else self.comparison.right

    @property
    def rejected(self) -> str:
        return self.comparison.right if self.choice == "left" else self.comparison.left


@dataclass(frozen=True)
class Release:
    preferences: Sequence[Preference]
    ties: int
    # Votes of excluded annotators, which nobody sees.
    votes_dropped: int


def annotators() -> list[Annotator]:
    step = (MOST_NOISE - LEAST_NOISE) / (HONEST - 1)
    honest = [
        Annotator(f"simulated-honest-{number + 1}", round(LEAST_NOISE + step * number, 4))
        for number in range(HONEST)
    ]
    return [*honest, Annotator("simulated-random", None)]


def vote_on_gold(gold: Sequence[Comparison], people: Sequence[Annotator], *, seed: int) -> list[Vote]:
    """Everybody sees every gold task."""
    chooser = random.Random(f"simulated gold votes {seed}")
    return [Vote(task, person, person.judge(task, chooser)) for task in gold for person in people]


def vote(comparisons: Sequence[Comparison], people: Sequence[Annotator], *, seed: int) -> list[Vote]:
    """Each comparison is seen by OVERLAP annotators, drawn anew for each."""
    chooser = random.Random(f"simulated votes {seed}")
    return [
        Vote(comparison, person, person.judge(comparison, chooser))
        for comparison in comparisons
        for person in chooser.sample(people, OVERLAP)
    ]


def known_answer(task: Comparison) -> Choice:
    left, right = task.true_scores
    return "left" if left > right else "right"


def gold_right(votes: Sequence[Vote]) -> dict[str, int]:
    """How many gold tasks each annotator answered as is known."""
    right: dict[str, int] = defaultdict(int)
    for each in votes:
        right[each.annotator.id] += each.choice == known_answer(each.comparison)
    return dict(right)


def failed_gold(votes: Sequence[Vote]) -> set[str]:
    return {annotator for annotator, right in gold_right(votes).items() if right < GOLD_TO_PASS}


def release(votes: Sequence[Vote], *, excluded: set[str]) -> Release:
    """The majority of those not excluded: more than half of their votes for one side, else it is a tie."""
    choices: dict[Comparison, list[Choice]] = defaultdict(list)
    dropped = 0
    for each in votes:
        counted = each.annotator.id not in excluded
        dropped += not counted
        choices[each.comparison] += [each.choice] if counted else []
    preferences = [
        Preference(comparison, side)
        for comparison, given in choices.items()
        for side in SIDES
        if 2 * given.count(side) > len(given)
    ]
    return Release(preferences, ties=len(choices) - len(preferences), votes_dropped=dropped)
