"""Who takes part in PPO: the policy and its value model, which learn, and the frozen models around them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training.configs import PpoConfig
from training.engine.dialogue import cut_left, prompt_ids
from training.engine.failures import InputUnreadable
from training.engine.frozen_data import FrozenVersion, Messages
from training.engine.launch import Run
from training.engine.model_files import (
    context_length,
    input_directory,
    load_policy,
    load_scorer,
    load_tokenizer,
    prepare_torch,
)
from training.engine.ppo_math import token_logprobs
from training.engine.rollout import Ids, Layout, answer_logits, lay_out, sample_answers
from training.engine.scoring import score_sequences

# Offsets from the configured seed: each purpose draws its own random numbers, so that none shifts another's.
SHUFFLING, CALIBRATION, EVALUATION = 1, 2, 3


@dataclass(frozen=True)
class Surroundings:
    """All that does not learn."""

    config: PpoConfig
    tokenizer: Any
    reference: Any
    scorer: Any
    device: torch.device
    pad: int
    end: int


class Learner(torch.nn.Module):
    """Policy and value model in one module: whatever wraps it for several processes sees every gradient."""

    def __init__(self, policy: Any, critic: Any) -> None:
        super().__init__()
        self.policy = policy
        self.critic = critic

    def forward(self, layout: Layout, temperature: float) -> tuple[Tensor, Tensor]:
        """Logits (B, T, V) and values (B, T), both of the state in which each answer token was drawn."""
        return answer_logits(self.policy, layout, temperature=temperature), self.values(layout)

    def values(self, layout: Layout) -> Tensor:
        hidden = self.critic.base_model(
            input_ids=layout.ids,
            attention_mask=layout.attention,
            position_ids=layout.positions,
            use_cache=False,
        ).last_hidden_state
        states = hidden[:, -layout.answers.shape[1] - 1 : -1]
        values: Tensor = self.critic.score(states).squeeze(-1).float()
        return values


@dataclass
class Scale:
    """Mean and deviation of the raw scores on the starting policy's answers: 0 is as good as it was, 1 a
    deviation better. So the KL coefficient means the same for every reward model.
    """

    mean: float = 0.0
    deviation: float = 1.0

    def normalised(self, scores: Tensor) -> Tensor:
        return (scores - self.mean) / self.deviation


def load(run: Run) -> tuple[Surroundings, Learner]:
    """Reference and policy start from the same weights, value model and scorer from the reward model's."""
    device = prepare_torch(run)
    base, judge = input_directory(run, "model"), input_directory(run, "reward_model")
    tokenizer = load_tokenizer(base)
    if load_tokenizer(judge).get_vocab() != tokenizer.get_vocab():
        raise InputUnreadable(
            reason="The reward model and the policy use different tokenizers.",
            hint="Train the reward model from the same base as the policy.",
        )
    policy, reference = (load_policy(base, tokenizer, device).eval() for _ in range(2))
    critic, scorer = (load_scorer(judge, tokenizer, device).eval() for _ in range(2))
    reference.requires_grad_(False)
    scorer.requires_grad_(False)
    around = Surroundings(
        config=run.config,
        tokenizer=tokenizer,
        reference=reference,
        scorer=scorer,
        device=device,
        pad=tokenizer.pad_token_id,
        end=tokenizer.eos_token_id,
    )
    return around, Learner(policy, critic)


def tokenised_prompts(
    version: FrozenVersion, split: str, around: Surroundings
) -> tuple[list[Ids], list[Messages], int]:
    """Ids of each distinct prompt that leave room for the answer, their messages, and how many lost their
    start.
    """
    config = around.config
    context = min(context_length(around.reference), context_length(around.scorer))
    room = min(config.max_prompt_tokens, context - config.max_new_tokens)
    if room < 1:
        raise InputUnreadable(
            reason=f"Answers of {config.max_new_tokens} tokens fill the whole context of {context} tokens.",
            hint="Lower the longest answer, or choose a model with a longer context.",
        )
    messages = version.prompts(split)
    whole = [prompt_ids(around.tokenizer, prompt) for prompt in messages]
    first = around.tokenizer.bos_token_id
    return (
        [cut_left(ids, room, first=first) for ids in whole],
        messages,
        sum(len(ids) > room for ids in whole),
    )


def calibrated_scale(learner: Learner, prompts: Sequence[Ids], around: Surroundings) -> Scale:
    config = around.config
    if not config.normalise_scores:
        return Scale()
    generator = torch.Generator(around.device).manual_seed(config.seed + CALIBRATION)
    chosen = [prompts[index] for index in draw(len(prompts), 0, config)]
    scores = score(chosen, write_answers(learner.policy, chosen, around, generator), around)
    deviation = float(scores.std()) if len(scores) > 1 else 0.0
    # Scores that do not differ carry nothing to learn from; dividing by their noise would only invent it.
    return Scale(mean=float(scores.mean()), deviation=deviation if deviation > 1e-6 else 1.0)


@torch.no_grad()
def rescale_critic(learner: Learner, scale: Scale) -> None:
    """The value model starts as the reward model, whose head speaks in raw scores."""
    learner.critic.score.weight.div_(scale.deviation)


def draw(count: int, update: int, config: PpoConfig) -> list[int]:
    """The update's prompts: consecutive places in an endless row of shuffles, a function of seed and update
    alone.
    """
    places = range(update * config.batch_size, (update + 1) * config.batch_size)
    shuffles = {
        turn: torch.randperm(
            count, generator=torch.Generator().manual_seed(config.seed * 1_000_003 + turn)
        ).tolist()
        for turn in {place // count for place in places}
    }
    return [shuffles[place // count][place % count] for place in places]


def write_answers(
    policy: Any, prompts: Sequence[Ids], around: Surroundings, generator: torch.Generator
) -> list[Ids]:
    config = around.config
    return sample_answers(
        policy,
        prompts,
        end=around.end,
        pad=around.pad,
        max_new_tokens=config.max_new_tokens,
        temperature=config.temperature,
        generator=generator,
        batch_size=config.rollout_batch_size,
    )


def score(prompts: Sequence[Ids], answers: Sequence[Ids], around: Surroundings) -> Tensor:
    """Raw scores of prompt and answer as one sequence: with the end token where the policy wrote it, as
    trained.
    """
    sequences = [prompt + answer for prompt, answer in zip(prompts, answers, strict=True)]
    return score_sequences(
        around.scorer,
        sequences,
        pad=around.pad,
        batch_size=around.config.rollout_batch_size,
        device=around.device,
    ).to(around.device)


def parts(prompts: Sequence[Ids], answers: Sequence[Ids], around: Surroundings) -> Iterator[Layout]:
    width, size = max(len(answer) for answer in answers), around.config.rollout_batch_size
    for start in range(0, len(prompts), size):
        part = slice(start, start + size)
        yield lay_out(prompts[part], answers[part], pad=around.pad, width=width, device=around.device)


def logprobs_of(model: Any, layout: Layout, around: Surroundings) -> Tensor:
    return token_logprobs(answer_logits(model, layout, temperature=around.config.temperature), layout.answers)


def ended(answers: Sequence[Ids], around: Surroundings) -> Tensor:
    return torch.tensor([answer[-1] == around.end for answer in answers], device=around.device)
