"""Student's t distribution and the exact binomial test of one half, by the standard library alone."""

import math

LARGEST_T = 1e6


def t_below(t: float, freedom: int) -> float:
    """P(T <= t) with so many degrees of freedom, by the regularised incomplete beta function."""
    tail = 0.5 * _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))
    return tail if t < 0 else 1 - tail


def t_quantile(probability: float, freedom: int) -> float:
    """The t below which lies this probability; found by halving, as the distribution only grows."""
    low, high = -LARGEST_T, LARGEST_T
    for _round in range(100):
        middle = (low + high) / 2
        if t_below(middle, freedom) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def half_binomial(successes: int, trials: int) -> float:
    """Two-sided p of so many successes where each has probability one half; 1 where there was no trial."""
    more = max(successes, trials - successes)
    tail = sum(math.comb(trials, count) for count in range(more, trials + 1))
    return float(min(1.0, 2 * tail / 2**trials))


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b) by its continued fraction (Lentz), Numerical Recipes section 6.4."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    return front * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    tiny, c = 1e-300, 1.0
    d = 1 / (1 - (a + b) * x / (a + 1) or tiny)
    value = d
    for m in range(1, 300):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / (1 + term * d or tiny)
            c = 1 + term / c or tiny
            value *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return value
