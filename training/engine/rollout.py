"""Answers of a policy to prompts: sampled with a cache, then laid out for a forward pass over prompt and
answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

Ids = list[int]


@dataclass(frozen=True)
class Layout:
    """Prompts padded on the left and answers on the right, so that all answers start in the same column."""

    ids: Tensor  # (B, P + T)
    attention: Tensor  # (B, P + T)
    positions: Tensor  # (B, P + T), counted without the padding
    answers: Tensor  # (B, T)
    mask: Tensor  # (B, T), true up to and including the end token


def lay_out(
    prompts: Sequence[Ids], answers: Sequence[Ids], *, pad: int, width: int, device: torch.device
) -> Layout:
    """`width` is T: the same for all parts of a batch, so that what was stored for each token can be
    sliced.
    """
    longest = max(len(prompt) for prompt in prompts)
    rows, attention = [], []
    for prompt, answer in zip(prompts, answers, strict=True):
        left, right = longest - len(prompt), width - len(answer)
        rows.append([pad] * left + prompt + answer + [pad] * right)
        attention.append([0] * left + [1] * (len(prompt) + len(answer)) + [0] * right)
    ids = torch.tensor(rows, device=device)
    attended = torch.tensor(attention, device=device)
    return Layout(
        ids=ids,
        attention=attended,
        positions=(attended.cumsum(1) - 1).clamp(min=0),
        answers=ids[:, longest:],
        mask=attended[:, longest:].bool(),
    )


def answer_logits(model: Any, layout: Layout, *, temperature: float) -> Tensor:
    """The logits from which each answer token was drawn, (B, T, V)."""
    kept = layout.answers.shape[1] + 1
    logits: Tensor = model(
        input_ids=layout.ids,
        attention_mask=layout.attention,
        position_ids=layout.positions,
        use_cache=False,
        logits_to_keep=kept,
    ).logits
    return logits[:, :-1].float() / temperature


@torch.no_grad()
def sample_answers(
    policy: Any,
    prompts: Sequence[Ids],
    *,
    end: int,
    pad: int,
    max_new_tokens: int,
    temperature: float,
    generator: torch.Generator,
    batch_size: int,
) -> list[Ids]:
    """One answer a prompt: up to and including the end token, or `max_new_tokens` without one."""
    policy.eval()
    answers: list[Ids] = []
    for start in range(0, len(prompts), batch_size):
        part = prompts[start : start + batch_size]
        tokens = _sample(policy, part, end, pad, max_new_tokens, temperature, generator)
        answers.extend(cut_after_end(row, end) for row in tokens.tolist())
    return answers


def cut_after_end(ids: Ids, end: int) -> Ids:
    return ids[: ids.index(end) + 1] if end in ids else ids


def _sample(
    policy: Any,
    prompts: Sequence[Ids],
    end: int,
    pad: int,
    max_new_tokens: int,
    temperature: float,
    generator: torch.Generator,
) -> Tensor:
    layout = lay_out(prompts, [[] for _ in prompts], pad=pad, width=0, device=generator.device)
    ids, attention, positions = layout.ids, layout.attention, layout.positions
    cache = DynamicCache(config=policy.config)
    open_rows = torch.ones(len(prompts), dtype=torch.bool, device=generator.device)
    drawn: list[Tensor] = []
    while True:
        logits = policy(
            input_ids=ids,
            attention_mask=attention,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        chances = torch.softmax(logits.float() / temperature, dim=-1)
        tokens = torch.multinomial(chances, 1, generator=generator)
        drawn.append(tokens)
        open_rows &= tokens.squeeze(1) != end
        if len(drawn) == max_new_tokens or not open_rows.any():
            return torch.cat(drawn, dim=1)
        ids, positions = tokens, positions[:, -1:] + 1
        attention = torch.cat([attention, torch.ones_like(tokens)], dim=1)
