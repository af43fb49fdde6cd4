"""How much of the rate of false discoveries the looks at a job that may grow can spend."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction


def spent(repeats: int) -> Fraction:
    """Return the share of the rate that all looks together have spent once there are so many repeats."""
    return 1 - Fraction(1, repeats)


def rate_at(rate: float, repeats: int, looks: Collection[int] = ()) -> float:
    """Return the rate of false discoveries at the look after so many repeats; `looks` are the repeats at the others."""
    before = max((look for look in looks if look < repeats), default=1)
    return rate * float(spent(repeats) - spent(before))
