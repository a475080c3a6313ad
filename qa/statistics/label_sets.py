"""How far two sets of labels are apart: Jaccard, and MASI, which weighs a subset less than a clash."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Labels = frozenset[str]
Distance = Callable[[Labels, Labels], float]


def jaccard_distance(left: Labels, right: Labels) -> float:
    """1 - |A and B| / |A or B|; two empty sets are equal, so their distance is 0."""
    union = left | right
    return 1 - len(left & right) / len(union) if union else 0.0


def masi_distance(left: Labels, right: Labels) -> float:
    """1 - J M: J is Jaccard's share, M is 1 for equal sets, 2/3 for a subset, 1/3 for an overlap, else 0.

    Passonneau 2006, Measuring Agreement on Set-valued Items.
    """
    if left == right:
        return 0.0
    shared = left & right
    if not shared:
        return 1.0
    weight = 2 / 3 if shared in (left, right) else 1 / 3
    return 1 - weight * len(shared) / len(left | right)


def distances(values: Sequence[Labels], *, distance: Distance = masi_distance) -> NDArray[np.float64]:
    """Between all values, (values, values), as `alpha_with_interval` takes them.

    Alpha squares differences of numbers; these distances of sets are used as they are, as Passonneau did.
    """
    return np.array([[distance(left, right) for right in values] for left in values], dtype=np.float64)
