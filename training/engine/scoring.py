"""Scores of a reward model: of whole token sequences, padded on the right, as the trainer padded them."""

from collections.abc import Sequence
from typing import Any

import torch


@torch.no_grad()
def score_sequences(
    scorer: Any, sequences: Sequence[Sequence[int]], *, pad: int, batch_size: int, device: torch.device
) -> torch.Tensor:
    """One score a sequence, float32 on the CPU, in the given order."""
    scorer.eval()
    scores = [
        _score_batch(scorer, sequences[start : start + batch_size], pad=pad, device=device)
        for start in range(0, len(sequences), batch_size)
    ]
    return torch.cat(scores) if scores else torch.zeros(0)


def _score_batch(
    scorer: Any, sequences: Sequence[Sequence[int]], *, pad: int, device: torch.device
) -> torch.Tensor:
    width = max(len(ids) for ids in sequences)
    ids = torch.tensor([[*row, *[pad] * (width - len(row))] for row in sequences], device=device)
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in sequences], device=device)
    scores: torch.Tensor = scorer(input_ids=ids, attention_mask=mask, use_cache=False).logits
    return scores.squeeze(-1).float().cpu()
