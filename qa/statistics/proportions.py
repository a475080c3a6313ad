"""The interval of a share: how sure we are of so many right out of so many."""

import math

# Of the standard normal distribution, for 95 %.
Z = 1.959963984540054


def wilson(right: int, total: int) -> tuple[float, float] | None:
    """Wilson's 95 % interval of a proportion, which holds for few answers too; None without any.

    Wilson 1927. (p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n)
    """
    if not total:
        return None
    share = right / total
    scale = 1 + Z * Z / total
    middle = (share + Z * Z / (2 * total)) / scale
    half = Z * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total)) / scale
    return max(0.0, middle - half), min(1.0, middle + half)
