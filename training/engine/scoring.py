"""Scores of a reward model: of whole token sequences, padded on the right, as the trainer padded them."""

from collections.abc import Sequence
from typing import Any

import torch

from training.engine.adapters import autocast
from training.engine.rollout import alike


@torch.no_grad()
def score_sequences(
    scorer: Any,
    sequences: Sequence[Sequence[int]],
    *,
    pad: int,
    batch_size: int,
    device: torch.device,
    precision: torch.dtype = torch.float32,
) -> torch.Tensor:
    """One score a sequence, float32 on the CPU, in the given order."""
    scorer.eval()
    with autocast(precision, device):
        scores = torch.zeros(len(sequences))
        for part in alike([len(ids) for ids in sequences], batch_size=batch_size, device=device):
            scores[part] = _score_batch(scorer, [sequences[place] for place in part], pad=pad, device=device)
    return scores


def _score_batch(
    scorer: Any, sequences: Sequence[Sequence[int]], *, pad: int, device: torch.device
) -> torch.Tensor:
    width = max(len(ids) for ids in sequences)
    ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in sequences], device=device)
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in sequences], device=device)
    scores: torch.Tensor = scorer(input_ids=ids, attention_mask=mask, use_cache=False).logits
    return scores.squeeze(-1).float().cpu()
