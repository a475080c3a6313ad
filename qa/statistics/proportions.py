"""The interval of a share: how sure we are of so many right out of so many."""

import math
from statistics import NormalDist

# Of the standard normal distribution, for 95 %.
Z = 1.959963984540054


def z_of_many(intervals: int) -> float:
    """For so many intervals that all of them together hold in 95 %, by Bonferroni: 0.05 shared among them."""
    return NormalDist().inv_cdf(1 - 0.025 / max(1, intervals))


def wilson(right: int, total: int, *, z: float = Z) -> tuple[float, float] | None:
    """Wilson's 95 % interval of a proportion, which holds for few answers too; None without any.

    `z` is for another level than 95 %.
    Wilson 1927. (p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n)
    """
    if not total:
        return None
    share = right / total
    scale = 1 + z * z / total
    middle = (share + z * z / (2 * total)) / scale
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)
