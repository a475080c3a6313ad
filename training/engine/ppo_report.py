"""What a PPO run shows of itself: figures of a batch of answers, comparison, samples, seconds by phase."""

import math
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from training.engine.dialogue import as_text
from training.engine.frozen_data import Messages
from training.engine.launch import Run
from training.engine.ppo_actors import Scale, Surroundings
from training.engine.ppo_math import masked_mean
from training.engine.rollout import Ids

Figures = dict[str, float | int | None]


def answer_figures(
    answers: Sequence[Ids], raw: Tensor, scale: Scale, kl: Tensor, mask: Tensor, finished: Tensor
) -> Figures:
    return {
        "reward": float(raw.mean()),
        "reward_normalised": float(scale.normalised(raw).mean()),
        "kl_sequence": float(kl.sum(1).mean()),
        "kl_token": float(masked_mean(kl, mask)),
        "response_length": float(mask.sum(1).float().mean()),
        "distinct_share": len({tuple(answer) for answer in answers}) / len(answers),
        "ended_share": float(finished.float().mean()),
    }


def compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> Figures:
    """Held-out figures before and after, and the gain in raw score paired by prompt with its standard
    error.
    """
    if not before:
        return {}
    named = {
        f"heldout_{name}_{when}": value
        for when, side in (("before", before), ("after", after))
        for name, value in side["figures"].items()
    }
    gains = torch.tensor(after["scores"]) - torch.tensor(before["scores"])
    error = float(gains.std() / math.sqrt(len(gains))) if len(gains) > 1 else None
    return named | {"heldout_reward_gain": float(gains.mean()), "heldout_reward_gain_se": error}


def show_samples(
    run: Run,
    update: int,
    prompts: Sequence[Messages],
    answers: Sequence[Ids],
    scores: Sequence[float],
    around: Surroundings,
) -> None:
    """The worst, the middle and the best answer of the batch: a mean hides what the policy has learnt to
    write.
    """
    order = sorted(range(len(scores)), key=scores.__getitem__)
    for index in sorted({order[0], order[len(order) // 2], order[-1]}):
        response = around.tokenizer.decode(answers[index], skip_special_tokens=True)
        run.reporter.sample(
            step=update, prompt=as_text(prompts[index]), response=response, score=scores[index]
        )


class Clock:
    """Seconds of wall time by phase."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._seconds[f"seconds_{name}"] += time.perf_counter() - start

    def figures(self) -> Figures:
        return {name: round(seconds, 4) for name, seconds in self._seconds.items()}

    def added_to(self, total: Mapping[str, float]) -> dict[str, float]:
        return {name: round(total.get(name, 0.0) + seconds, 4) for name, seconds in self._seconds.items()}
