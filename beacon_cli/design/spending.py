"""How much of the rate of false discoveries the looks at a job that may grow can spend."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction


def spent(repeats: int) -> Fraction:
    """Return the share of the rate that all looks together have spent once there are so many repeats."""
    from fractions import Fraction  # a plan needs none of it: `rate_at` divides integers, which is as exact

    return 1 - Fraction(1, repeats)


def rate_at(rate: float, repeats: int, looks: Collection[int] = ()) -> float:
    """Return the rate of false discoveries at the look after so many repeats; `looks` are the repeats at the others."""
    before = max((look for look in looks if look < repeats), default=1)
    return rate * ((repeats - before) / (repeats * before))  # what is spent now, less what was
