"""How much of each source a pretraining run reads: proportional, by temperature, or UniMax. Pure."""

import math
from collections.abc import Mapping

METHODS = ("proportional", "temperature", "unimax")


def weights(
    counts: Mapping[str, int],
    *,
    method: str,
    temperature: float = 1.0,
    budget: int | None = None,
    most_epochs: float = 4,
) -> dict[str, float]:
    """The share of a run's tokens that each source gets; the shares add up to 1.

    `counts` holds the tokens n_i of each source.

    - proportional: p_i = n_i / sum n. Every token is read equally often.
    - temperature: p_i ~ n_i^(1/T). T = 1 is proportional, T towards infinity is uniform.
    - unimax: as even as it gets while no source is read more than `most_epochs` times in a run of `budget`
      tokens (Chung et al. 2023, arXiv:2304.09151).

    A source without tokens gets 0. Raises ValueError where nothing can be read, and for an argument out of
    range.
    """
    if method not in METHODS:
        raise ValueError(f"The mixture {method!r} is not known; known are {', '.join(METHODS)}.")
    if min(counts.values(), default=0) < 0:
        raise ValueError("A source cannot have fewer than 0 tokens.")
    filled = {name: count for name, count in counts.items() if count}
    if not filled:
        raise ValueError("No source has any tokens.")
    if method == "unimax":
        amounts = unimax_amounts(filled, budget=budget, most_epochs=most_epochs)
    else:
        amounts = powers(filled, temperature=1.0 if method == "proportional" else temperature)
    total = math.fsum(amounts.values())
    return {name: amounts.get(name, 0.0) / total for name in counts}


def powers(counts: Mapping[str, int], *, temperature: float) -> dict[str, float]:
    """(n_i / largest n)^(1/T): relative to the largest, so that no power overflows."""
    if not temperature > 0:
        raise ValueError("The temperature of a mixture must be above 0.")
    largest = max(counts.values())
    return {name: (count / largest) ** (1 / temperature) for name, count in counts.items()}


def unimax_amounts(counts: Mapping[str, int], *, budget: int | None, most_epochs: float) -> dict[str, float]:
    """Tokens to read of each source: b_i = min(N * n_i, what is left / sources that are left), the smallest
    source first.

    Where N passes over everything are less than the budget, every source is at its cap, and the shares are
    those of the sizes: the run will then read more than N times, since its length is not ours to change.
    """
    if budget is None or budget <= 0:
        raise ValueError("UniMax needs the number of tokens that the run will read.")
    if not most_epochs > 0:
        raise ValueError("UniMax needs a number of passes above 0.")
    amounts: dict[str, float] = {}
    left = float(budget)
    smallest_first = sorted(counts, key=lambda name: (counts[name], name))
    for place, name in enumerate(smallest_first):
        amounts[name] = min(most_epochs * counts[name], left / (len(counts) - place))
        left -= amounts[name]
    return amounts
