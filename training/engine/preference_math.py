"""How often a reward model agrees with people, how sure that is, and what its scores are worth. Pure."""

import math
from collections import defaultdict
from collections.abc import Sequence
from statistics import StatisticsError, correlation, fmean

BINS = 10


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


def calibration_error(*, differences: Sequence[float], bins: int = BINS) -> float:
    """Expected calibration error of the predicted preferences, 0 (honest) to 0.5. Source: Guo et al. 2017.

    `differences` are score(chosen) - score(rejected), logits as Bradley-Terry trains them. With the chosen
    answer first in every pair the label is always 1, and a comparison with p = sigmoid(difference) would
    only ask how near p is to 1. So a pair is read by someone who does not know which answer was chosen: the
    model picks the one that scores higher, with confidence max(p, 1 - p), and is right where that is the
    chosen one (at a tie half right, at confidence 0.5).
    With the pairs in `bins` parts of equal width of [0.5, 1]:
    ECE = sum over the parts of (pairs in it / pairs) * |accuracy in it - mean confidence in it|.
    On few pairs chance alone lifts it above 0.
    """
    parts: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for difference in differences:
        confidence = 1.0 / (1.0 + math.exp(-abs(difference)))
        place = min(bins - 1, int((confidence - 0.5) * 2 * bins))
        parts[place].append((right(chosen=difference, rejected=0.0), confidence))
    gaps = (abs(sum(hit - confidence for hit, confidence in part)) for part in parts.values())
    return sum(gaps) / len(differences)


def pearson(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Pearson's correlation, or None where it has no meaning: fewer than two values, or no spread."""
    try:
        return correlation(first, second)
    except StatisticsError:
        return None


def preference_figures(
    *,
    chosen: Sequence[float],
    rejected: Sequence[float],
    longer_by: Sequence[int],
    prompts: Sequence[str],
) -> dict[str, float | None]:
    """Figures of a reward model on pairs; `longer_by` is how many tokens the chosen answer has more.

    A strong length correlation says that the model may have learnt to count; `longer_is_better` is the
    accuracy of a judge that only counts.
    """
    sides = list(zip(chosen, rejected, strict=True))
    hits = [right(chosen=high, rejected=low) for high, low in sides]
    differences = [high - low for high, low in sides]
    accuracy, error = accuracy_by_prompt(hits=hits, prompts=prompts)
    return {
        "accuracy": accuracy,
        "accuracy_se": error,
        "ece": calibration_error(differences=differences),
        "length_correlation": pearson(differences, longer_by),
        "margin": fmean(differences),
        "longer_is_better": fmean(right(chosen=more, rejected=0) for more in longer_by),
    }
