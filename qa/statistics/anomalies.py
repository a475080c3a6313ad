"""Signs that somebody's work needs a look, each a test with a stated error rate.

A dashboard without correction accuses every fifth honest person (simulated: 20 people, 8 tests at 5 %). Here
all p-values of a measurement go through Holm's correction together: the chance that even one honest person is
flagged stays below 5 %. A flag asks a reviewer to look; it never stops anybody's work.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa.statistics.student import half_binomial, t_below

Logs = NDArray[np.float64]
LEVEL = 0.05
LEAST_CHOICES = 12
LEAST_TIMES = 10
LEAST_PEOPLE = 7
# Rousseeuw & Croux 1993: Qn of a normal sample is so many standard deviations; its efficiency is 82 %.
QN_OF_NORMAL = 2.2219
QN_OF_FEW = {2: 0.399, 3: 0.994, 4: 0.512, 5: 0.844, 6: 0.611, 7: 0.857, 8: 0.669, 9: 0.872}
QN_EFFICIENCY = 0.8


@dataclass(frozen=True)
class Finding:
    """One test of one person; `effect` is the share of first places, or the speed against the peers."""

    person: str
    test: str
    p: float
    answers: int
    effect: float


@dataclass(frozen=True)
class Timed:
    """One answer: how long it took actively, and how many characters there were to read."""

    active_ms: int
    characters: int


def side_bias(choices: Mapping[str, tuple[int, int]]) -> list[Finding]:
    """Does somebody prefer a place on the page? `choices`: person -> (first place won, last place won).

    Exact two-sided binomial test of one half, over answers without a tie between the two places. One pair an
    answer (shown first against shown last), so that the choices are independent. The null hypothesis holds
    for every honest person because the server draws the order anew for each.
    """
    found = []
    for person, (first, last) in choices.items():
        total = first + last
        if total >= LEAST_CHOICES:
            p = half_binomial(first, total)
            found.append(Finding(person, "side", p, total, first / total))
    return found


def too_fast(times: Mapping[str, Sequence[Timed]]) -> list[Finding]:
    """Is somebody faster than their peers on texts of the same length? One-sided.

    log(active time) is regressed on log(characters) over everybody's answers (centred within each person, so
    that who got the long tasks does not tilt the line). A person's mean residual is then compared with those
    of the others: the centre is the Hodges-Lehmann estimate and the spread is Qn, which a few careless people
    cannot move, and the reference is Student's t, as the spread of few people is itself uncertain.
    Simulated with 7 to 40 people: an honest one is flagged in 2 to 4 % of projects.
    """
    usable = {person: _logs(answers) for person, answers in times.items()}
    usable = {person: logs for person, logs in usable.items() if len(logs) >= LEAST_TIMES}
    if len(usable) < LEAST_PEOPLE:
        return []
    slope = _slope(list(usable.values()))
    residuals = {person: logs[:, 1] - slope * logs[:, 0] for person, logs in usable.items()}
    means = {person: float(values.mean()) for person, values in residuals.items()}
    return [_compared(person, means, residuals[person]) for person in usable]


def _logs(answers: Sequence[Timed]) -> Logs:
    kept = [(answer.characters, answer.active_ms) for answer in answers if answer.active_ms > 0]
    return np.log(np.array(kept, dtype=np.float64).reshape(-1, 2) + [1.0, 0.0])


def _slope(people: Sequence[Logs]) -> float:
    centred = np.concatenate([logs - logs.mean(axis=0) for logs in people])
    spread = float((centred[:, 0] ** 2).sum())
    return float((centred[:, 0] * centred[:, 1]).sum()) / spread if spread > 0 else 0.0


def _compared(person: str, means: Mapping[str, float], own: Logs) -> Finding:
    peers = np.array([mean for other, mean in means.items() if other != person])
    # One's own mean is known no better than its answers vary.
    error = float(own.std(ddof=1)) / math.sqrt(len(own))
    scale = math.hypot(_qn(peers) * math.sqrt(1 + 1 / len(peers)), error)
    distance = means[person] - _middle(peers)
    freedom = max(1, int(QN_EFFICIENCY * (len(peers) - 1)))
    p = t_below(distance / scale, freedom) if scale > 0 else float(distance >= 0)
    return Finding(person, "fast", p, len(own), math.exp(distance))


def _middle(values: Logs) -> float:
    """Hodges and Lehmann: the median of the means of all pairs."""
    first, second = np.triu_indices(len(values))
    return float(np.median((values[first] + values[second]) / 2))


def _qn(values: Logs) -> float:
    """A standard deviation that half of the values cannot move: a low quantile of all distances."""
    size = len(values)
    first, second = np.triu_indices(size, k=1)
    half = size // 2 + 1
    distance = np.sort(np.abs(values[first] - values[second]))[half * (half - 1) // 2 - 1]
    correction = QN_OF_FEW.get(size) or size / (size + (1.4 if size % 2 else 3.8))
    return float(QN_OF_NORMAL * correction * distance)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given (Holm 1979): reject where at most LEVEL."""
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, at in enumerate(order):
        highest = max(highest, (len(p_values) - rank) * p_values[at])
        adjusted[at] = min(1.0, highest)
    return adjusted


def flagged(findings: Sequence[Finding], *, level: float = LEVEL) -> list[tuple[Finding, float]]:
    """The findings that stand after Holm's correction over all people and tests, with their adjusted p."""
    adjusted = holm([finding.p for finding in findings])
    return [(finding, p) for finding, p in zip(findings, adjusted, strict=True) if p <= level]
