"""What a PPO run shows of itself: figures of a batch of answers, comparison, samples, seconds by phase."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from training.engine.dialogue import as_text
from training.engine.launch import Run
from training.engine.ppo_actors import Scale, Surroundings
from training.engine.ppo_control import Gain
from training.engine.ppo_judges import Prompt
from training.engine.rollout import Ids

Figures = dict[str, float | int | None]
# Beyond this many nats a token the perplexity is no longer a number that says anything.
LARGEST_EXPONENT = 50.0
HELDOUT_SHOWN = 2
# In nats a token.
KL_ROUNDING = 1e-6


@dataclass(frozen=True)
class Judged:
    """An answer, its score, and its summed log probabilities in nats."""

    ids: Ids
    score: float
    kl: float
    reference_logprob: float
    ended: bool
    second: float | None = None


def figures_of(answers: Sequence[Judged], scale: Scale) -> dict[str, float]:
    """Means over answers; `reference_perplexity` is exp of the mean surprise a token under the starting
    policy.
    """
    count, tokens = len(answers), sum(len(answer.ids) for answer in answers)
    reward = sum(answer.score for answer in answers) / count
    # What is left of two equal policies is the rounding of two ways to compute the same.
    kl = sum(0.0 if abs(answer.kl) <= KL_ROUNDING * len(answer.ids) else answer.kl for answer in answers)
    surprise = -sum(answer.reference_logprob for answer in answers) / tokens
    figures = {
        "reward": reward,
        "reward_normalised": (reward - scale.mean) / scale.deviation,
        "kl_sequence": kl / count,
        "kl_token": kl / tokens,
        "response_length": tokens / count,
        "distinct_share": len({tuple(answer.ids) for answer in answers}) / count,
        "ended_share": sum(answer.ended for answer in answers) / count,
        "reference_perplexity": math.exp(min(surprise, LARGEST_EXPONENT)),
    }
    seconds = [answer.second for answer in answers if answer.second is not None]
    return figures | ({"second_score": sum(seconds) / count} if seconds else {})


def compared(
    before: Mapping[str, float], after: Mapping[str, float], *, reward: Gain, second: Gain | None
) -> Figures:
    """Held-out figures before and after, and the gains in raw score, paired by prompt, with their standard
    errors.
    """
    named: Figures = {
        f"heldout_{name}_{when}": value
        for when, side in (("before", before), ("after", after))
        for name, value in side.items()
    }
    named["heldout_length_ratio"] = after["response_length"] / before["response_length"]
    return named | _gain("reward", reward) | (_gain("second_score", second) if second else {})


def _gain(name: str, gain: Gain) -> Figures:
    error = gain.error if math.isfinite(gain.error) else None
    return {f"heldout_{name}_gain": gain.mean, f"heldout_{name}_gain_se": error}


def show_heldout(
    run: Run, update: int, prompts: Sequence[Prompt], judged: Sequence[Judged], around: Surroundings
) -> None:
    """The answers to the same few prompts at every evaluation: what the training changed, side by side."""
    for prompt, answer in list(zip(prompts, judged, strict=True))[:HELDOUT_SHOWN]:
        show(run, update, prompt, answer.ids, answer.score, around)


def show_samples(
    run: Run,
    update: int,
    prompts: Sequence[Prompt],
    answers: Sequence[Ids],
    scores: Sequence[float],
    around: Surroundings,
) -> None:
    """The worst, the middle and the best answer of the batch: a mean hides what the policy has learnt to
    write.
    """
    order = sorted(range(len(scores)), key=scores.__getitem__)
    for index in sorted({order[0], order[len(order) // 2], order[-1]}):
        show(run, update, prompts[index], answers[index], scores[index], around)


def show(run: Run, update: int, prompt: Prompt, ids: Ids, score: float, around: Surroundings) -> None:
    # Special tokens within an answer are shown: the judge sees them too.
    response = around.tokenizer.decode(ids[:-1] if ids[-1] == around.end else ids)
    run.reporter.sample(step=update, prompt=as_text(prompt.messages), response=response, score=score)


def now() -> float:
    """Seconds, once the GPU has done what it was told to."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()


class Clock:
    """Seconds by phase; of wall time, unless another time is given."""

    def __init__(self, now: Callable[[], float] = now) -> None:
        self._now = now
        self._seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = self._now()
        yield
        self._seconds[f"seconds_{name}"] += self._now() - start

    def figures(self) -> Figures:
        return {name: round(seconds, 4) for name, seconds in self._seconds.items()}

    def added_to(self, total: Mapping[str, float]) -> dict[str, float]:
        names = total.keys() | self._seconds.keys()
        return {name: round(total.get(name, 0.0) + self._seconds.get(name, 0.0), 4) for name in sorted(names)}
