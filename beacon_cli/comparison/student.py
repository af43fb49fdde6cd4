"""Quantiles of Student's t and of skewed distributions: the few that are needed, without scipy."""

from __future__ import annotations

import math
from functools import cache
from statistics import NormalDist

_STEPS = 80  # halvings of an interval: more than a float has digits
_WIDEST = 1e6
_NORMAL_BEYOND = 1e-4  # a skewness below which a distribution counts as symmetric


@cache
def t_quantile(share: float, freedom: int) -> float:
    """Return the value that Student's t with so many degrees of freedom stays below with a probability of `share`.

    The distribution function has a closed form for whole degrees of freedom (Abramowitz and Stegun, 26.7.3 and 26.7.4).
    """
    low, high = -_WIDEST, _WIDEST
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _t_share(middle, freedom) < share else (low, middle)
    return (low + high) / 2


def _t_share(value: float, freedom: int) -> float:
    angle = math.atan(value / math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    term = total = cosine if odd else 1.0
    for step in range(3 if odd else 2, freedom - 1, 2):
        term *= cosine**2 * (step - 1) / step
        total += term
    if odd:
        return 0.5 + (angle + (math.sin(angle) * total if freedom > 1 else 0.0)) / math.pi
    return 0.5 + math.sin(angle) * total / 2


def skewed_quantile(share: float, skewness: float) -> float:
    """Return the quantile of a Pearson type III distribution with mean 0 and deviation 1.

    This is how permutation distributions of sums of distances are approximated (Mielke and Berry, 2007), with Wilson's
    and Hilferty's approximation of the gamma distribution (1931).
    """
    normal = NormalDist().inv_cdf(share)
    if abs(skewness) < _NORMAL_BEYOND:
        return normal
    return 2 / skewness * (max(0.0, 1 + skewness * normal / 6 - skewness**2 / 36) ** 3 - 1)
