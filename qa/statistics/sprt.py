"""Wald's sequential test on gold tasks: as few known answers as the stated error rates allow.

Hypotheses: the person is right with probability P_GOOD, or with P_BAD. Each answer adds the logarithm of its
likelihood ratio, log P(answer | bad) / P(answer | good): -0.375 for a right answer, +0.811 for a wrong one.
At log((1 - BETA) / ALPHA) the person fails, at log(BETA / (1 - ALPHA)) the person passes and a new test
starts.

ALPHA is the chance that somebody who is right 80 % of the time fails a test, BETA that somebody who is right
55 % of the time passes it. Testing again and again would add these chances up, so whoever has passed once is
tested with LATER_ALPHA. Wald, Sequential Tests of Statistical Hypotheses, 1945.
"""

import math
from dataclasses import dataclass
from typing import Literal

P_GOOD = 0.80
P_BAD = 0.55
ALPHA = 0.05
LATER_ALPHA = 0.01
BETA = 0.10

RIGHT = math.log(P_BAD / P_GOOD)
WRONG = math.log((1 - P_BAD) / (1 - P_GOOD))

Verdict = Literal["open", "passed", "failed"]


@dataclass(frozen=True)
class Step:
    """The running log ratio after an answer, and what it means. After a pass the next test starts at 0."""

    log_ratio: float
    verdict: Verdict


def step(log_ratio: float, *, is_right: bool, tests_passed: int = 0) -> Step:
    """Add one answer to the running test of a person who passed so many tests before."""
    after = log_ratio + (RIGHT if is_right else WRONG)
    if after >= fails_at(tests_passed):
        return Step(after, "failed")
    if after <= passes_at(tests_passed):
        return Step(0.0, "passed")
    return Step(after, "open")


def fails_at(tests_passed: int) -> float:
    return math.log((1 - BETA) / _alpha(tests_passed))


def passes_at(tests_passed: int) -> float:
    return math.log(BETA / (1 - _alpha(tests_passed)))


def _alpha(tests_passed: int) -> float:
    return LATER_ALPHA if tests_passed else ALPHA
