"""What keeps a PPO run near its starting policy and raises the alarm when the reward is being hacked. Pure.

A reward model is a stand-in for what people want. Once the policy finds where the two part, the reward goes
on rising while the answers get worse (Gao et al. 2022, Scaling laws for reward model overoptimization). So no
single figure is believed here: the alarm compares the reward with what should not break while it rises.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

# Ziegler et al. 2019 move the coefficient by at most 2 % an update, over thousands of updates; runs here may
# have two dozen, so it is at most 10 %.
KL_GAIN, LARGEST_ERROR = 0.5, 0.2

LEAST_DISTINCT, LARGEST_FORM_LOSS, SHORTEST, LONGEST = 0.7, 0.1, 0.6, 1.6
# Standard errors beyond which a change counts as one.
SURE = 2.0

LOOK = "Read the samples, then raise the KL coefficient or its floor, or collect comparisons of such answers."


@dataclass(frozen=True)
class Alarm:
    """A sign that the policy serves the score and not the people behind it."""

    kind: str
    reason: str
    hint: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Gain:
    """Mean difference, paired by prompt, and its standard error; with one prompt nothing is sure."""

    mean: float
    error: float

    @property
    def has_risen(self) -> bool:
        return self.mean > SURE * self.error

    @property
    def has_fallen(self) -> bool:
        return self.mean < -SURE * self.error


def paired_gain(before: Sequence[float], after: Sequence[float]) -> Gain:
    gains = [late - early for early, late in zip(before, after, strict=True)]
    mean = sum(gains) / len(gains)
    if len(gains) < 2:
        return Gain(mean=mean, error=math.inf)
    variance = sum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1)
    return Gain(mean=mean, error=math.sqrt(variance / len(gains)))


def next_kl_coefficient(coefficient: float, *, kl: float, target: float, floor: float) -> float:
    """Dearer above the target, cheaper below it, never below the floor; a target of 0 leaves it as it is.

    kl and target in nats per answer. coefficient * (1 + gain * clip(kl / target - 1)).
    """
    if target == 0:
        return coefficient
    error = max(-LARGEST_ERROR, min(LARGEST_ERROR, kl / target - 1))
    return max(floor, coefficient * (1 + KL_GAIN * error))


def is_beyond(kl: float, *, limit: float) -> bool:
    return bool(limit) and kl > limit


def kl_alarm(kl: float, *, limit: float) -> Alarm:
    return Alarm(
        kind="kl",
        reason=f"The policy drifted {kl:.1f} nats an answer away from the start; the limit is {limit:g}.",
        hint="Raise the KL coefficient or lower the learning rate. Long answers may need a higher limit.",
    )


Figures = Mapping[str, float]


def standing_alarms(
    *, before: Figures, after: Figures, reward: Gain, second: Gain | None, kl_limit: float
) -> list[Alarm]:
    """What broke while the reward rose. `before` and `after` are figures of answers to the same prompts."""
    alarms = []
    if is_beyond(after["kl_sequence"], limit=kl_limit):
        alarms.append(kl_alarm(after["kl_sequence"], limit=kl_limit))
    if reward.has_risen:
        rise = f"The reward rose by {reward.mean:.2f} while"
        checks = (distinct_alarm, form_alarm, length_alarm)
        alarms += [alarm for check in checks if (alarm := check(before, after, rise))]
        if second and second.has_fallen:
            alarms.append(second_score_alarm(second, rise))
    return alarms


def distinct_alarm(before: Figures, after: Figures, rise: str) -> Alarm | None:
    early, late = before["distinct_share"], after["distinct_share"]
    if late >= LEAST_DISTINCT * early:
        return None
    return Alarm(
        kind="distinct",
        reason=f"{rise} the share of distinct answers fell from {early:.0%} to {late:.0%}.",
        hint=f"The policy says the same to many prompts. {LOOK}",
    )


def form_alarm(before: Figures, after: Figures, rise: str) -> Alarm | None:
    early, late = before["ended_share"], after["ended_share"]
    if late >= early - LARGEST_FORM_LOSS:
        return None
    return Alarm(
        kind="form",
        reason=f"{rise} the share of answers that come to an end fell from {early:.0%} to {late:.0%}.",
        hint=f"Raise the penalty for an answer without an end. {LOOK}",
    )


def length_alarm(before: Figures, after: Figures, rise: str) -> Alarm | None:
    early, late = before["response_length"], after["response_length"]
    if SHORTEST <= late / early <= LONGEST:
        return None
    change = "longer" if late > early else "shorter"
    return Alarm(
        kind="length",
        reason=f"{rise} the answers became {change}: from {early:.0f} to {late:.0f} tokens on average.",
        hint=f"The reward model may judge length. {LOOK}",
    )


def second_score_alarm(second: Gain, rise: str) -> Alarm:
    return Alarm(
        kind="second_score",
        reason=f"{rise} the second score, from which the policy never learnt, fell by {-second.mean:.2f} "
        f"(standard error {second.error:.2f}).",
        hint=f"The two judges part over what the policy learnt. {LOOK}",
    )
