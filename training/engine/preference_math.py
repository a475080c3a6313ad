"""How often a reward model agrees with people, and how sure that is. Pure."""

import math
from collections import defaultdict
from collections.abc import Sequence


def right(*, chosen: float, rejected: float) -> float:
    """1 where the chosen answer scores higher, 0.5 at a tie: a constant model must not look better than
    chance.
    """
    if chosen == rejected:
        return 0.5
    return float(chosen > rejected)


def accuracy_by_prompt(*, hits: Sequence[float], prompts: Sequence[str]) -> tuple[float, float | None]:
    """Accuracy over pairs and its standard error clustered by prompt (None with fewer than two prompts).

    Pairs of one prompt are not independent. With n pairs in G prompts, s_g = sum over the pairs of g of
    (hit - accuracy): SE = sqrt(G / (G - 1) * sum s_g^2) / n (the cluster-robust variance of a mean).
    """
    accuracy = sum(hits) / len(hits)
    sums: dict[str, float] = defaultdict(float)
    for hit, prompt in zip(hits, prompts, strict=True):
        sums[prompt] += hit - accuracy
    groups = len(sums)
    if groups < 2:
        return accuracy, None
    variance = groups / (groups - 1) * sum(value**2 for value in sums.values())
    return accuracy, math.sqrt(variance) / len(hits)
