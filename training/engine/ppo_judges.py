"""Who scores the answers: the reward model, another one that only checks, or a rule over the text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from training.engine.frozen_data import Messages
from training.engine.rollout import Ids
from training.engine.scoring import score_sequences

# A prompt and the text of an answer, without special tokens, to a score.
Rule = Callable[[Messages, str], float]


@dataclass(frozen=True)
class Prompt:
    """A dialogue that waits for its answer, as messages and as the ids that the policy continues."""

    messages: Messages
    ids: Ids


class Judge(Protocol):
    """One score for each answer, float32, on the CPU."""

    def __call__(self, prompts: Sequence[Prompt], answers: Sequence[Ids]) -> Tensor: ...


@dataclass(frozen=True)
class ModelJudge:
    """A reward model, frozen. It reads prompt and answer as one sequence, with the end token where the
    policy wrote it, as in its training.
    """

    scorer: Any
    pad: int
    batch_size: int
    device: torch.device
    precision: torch.dtype

    def __call__(self, prompts: Sequence[Prompt], answers: Sequence[Ids]) -> Tensor:
        sequences = [prompt.ids + answer for prompt, answer in zip(prompts, answers, strict=True)]
        return score_sequences(
            self.scorer,
            sequences,
            pad=self.pad,
            batch_size=self.batch_size,
            device=self.device,
            precision=self.precision,
        )


@dataclass(frozen=True)
class RuleJudge:
    """A rule that a program can state: for simulations, where the truth is known, and for format checks."""

    rule: Rule
    tokenizer: Any

    def __call__(self, prompts: Sequence[Prompt], answers: Sequence[Ids]) -> Tensor:
        texts = self.tokenizer.batch_decode(answers, skip_special_tokens=True)
        return torch.tensor(
            [self.rule(prompt.messages, text) for prompt, text in zip(prompts, texts, strict=True)],
            dtype=torch.float32,
        )
