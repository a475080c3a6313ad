"""Answers of a policy to prompts: sampled with a cache, then laid out for a forward pass over prompt and
answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

Ids = list[int]
# The activations of more rows leave a processor's cache, and rows of unlike length are mostly padding.
ROWS_IN_CACHE = 16


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


def alike(lengths: Sequence[int], *, batch_size: int, device: torch.device) -> list[list[int]]:
    """Places of rows of similar length, to pass through a model together."""
    size = min(batch_size, ROWS_IN_CACHE) if device.type == "cpu" else batch_size
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    return [order[start : start + size] for start in range(0, len(order), size)]


def answer_logits(model: Any, layout: Layout, *, temperature: float) -> Tensor:
    """The logits from which each answer token was drawn, (B, T, V)."""
    last = layout.ids.shape[1] - 1
    logits: Tensor = model(
        input_ids=layout.ids,
        attention_mask=layout.attention,
        position_ids=layout.positions,
        use_cache=False,
        # Only these, as a tensor of columns: cutting off the last one afterwards would cost a copy of the
        # largest tensor there is.
        logits_to_keep=torch.arange(last - layout.answers.shape[1], last, device=layout.ids.device),
    ).logits.float()
    return logits if temperature == 1.0 else logits / temperature


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
    answers, _ = sample_with_logprobs(
        policy,
        prompts,
        end=end,
        pad=pad,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        generator=generator,
        batch_size=batch_size,
    )
    return answers


def sample_with_logprobs(
    policy: Any,
    prompts: Sequence[Ids],
    *,
    end: int,
    pad: int,
    max_new_tokens: int,
    temperature: float,
    generator: torch.Generator,
    batch_size: int,
) -> tuple[list[Ids], list[Tensor]]:
    """As `sample_answers`, with the log probability of each token of each answer, float32 on the device.

    In float32 they are those of a forward pass over prompt and answer, but for rounding (1e-5). In a
    smaller format they are not: what learns from the answers should compute them again.
    """
    policy.eval()
    answers: list[Ids] = []
    logprobs: list[Tensor] = []
    for start in range(0, len(prompts), batch_size):
        layout = lay_out(
            prompts[start : start + batch_size],
            [[]] * len(prompts[start : start + batch_size]),
            pad=pad,
            width=0,
            device=generator.device,
        )
        # Copied: what was made in inference mode could take no part in learning.
        tokens, chances = (
            found.clone() for found in _sample(policy, layout, end, max_new_tokens, temperature, generator)
        )
        written = [cut_after_end(row, end) for row in tokens.tolist()]
        answers.extend(written)
        logprobs.extend(row[: len(ids)] for row, ids in zip(chances, written, strict=True))
    return answers, logprobs


def cut_after_end(ids: Ids, end: int) -> Ids:
    return ids[: ids.index(end) + 1] if end in ids else ids


@torch.inference_mode()
def _sample(
    policy: Any, layout: Layout, end: int, max_new_tokens: int, temperature: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Tokens and their log probabilities, both (B, max_new_tokens); after an end they mean nothing."""
    ids, positions, (size, start) = layout.ids, layout.positions, layout.ids.shape
    attention = torch.nn.functional.pad(layout.attention, (0, max_new_tokens), value=1)
    cache = roomy_cache(policy.config, start + max_new_tokens)
    rows = torch.arange(size, device=ids.device)
    still_open = torch.ones_like(rows, dtype=torch.bool)
    tokens = ids.new_zeros(size, max_new_tokens)
    logprobs = torch.zeros(size, max_new_tokens, device=ids.device)
    for step in range(max_new_tokens):
        logits = policy(
            input_ids=ids,
            attention_mask=attention[:, : start + step],
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        distribution = torch.log_softmax(logits.float() / temperature, dim=-1)
        ids = draw_tokens(distribution, generator)
        tokens[rows, step] = ids.squeeze(1)
        logprobs[rows, step] = distribution.gather(1, ids).squeeze(1)
        still_open &= ids.squeeze(1) != end
        remaining = int(still_open.sum())
        if not remaining:
            break
        positions = positions[:, -1:] + 1
        # Answers that have ended cost as much as the others until they are dropped, and dropping copies the
        # cache: so it is done whenever half of them have ended.
        if remaining <= len(rows) // 2:
            kept = still_open.nonzero().squeeze(1)
            cache.batch_select_indices(kept)
            ids, positions, attention, rows = (part[kept] for part in (ids, positions, attention, rows))
            still_open = still_open[kept]
    return tokens, logprobs


def draw_tokens(logprobs: Tensor, generator: torch.Generator) -> Tensor:
    """One token a row by inverting the cumulative distribution, (B, V) to (B, 1).

    One random number a row, where `torch.multinomial` draws one for each word of the vocabulary. In double
    precision, so that the sum over a large vocabulary loses no rare word.
    """
    cumulative = logprobs.exp().cumsum(dim=-1, dtype=torch.float64)
    share = torch.rand(len(logprobs), 1, dtype=torch.float64, device=logprobs.device, generator=generator)
    place = torch.searchsorted(cumulative, share * cumulative[:, -1:], right=True)
    return place.clamp(max=logprobs.shape[1] - 1)


class RoomyLayer(DynamicLayer):
    """Keys and values of one layer with room for prompt and answer from the start.

    The stock layer copies all that it holds whenever a token is added.
    """

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room, self.held = room, 0

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.all_keys, self.all_values = (
                states.new_empty(*states.shape[:2], self.room, states.shape[3])
                for states in (key_states, value_states)
            )
        before, self.held = self.held, self.held + key_states.shape[2]
        self.all_keys[:, :, before : self.held] = key_states
        self.all_values[:, :, before : self.held] = value_states
        self._show_held()
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        self.all_keys, self.all_values = self.all_keys[indices], self.all_values[indices]
        self._show_held()

    def _show_held(self) -> None:
        self.keys, self.values = self.all_keys[:, :, : self.held], self.all_values[:, :, : self.held]


def roomy_cache(config: Any, room: int) -> DynamicCache:
    """Layers of another kind (a sliding window, a recurrent state) stay as the model wants them."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer(room) if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
