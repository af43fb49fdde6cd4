"""How much of the rate of false discoveries the looks at a job that may grow can spend."""

from __future__ import annotations

from fractions import Fraction


def spent(repeats: int) -> Fraction:
    """Return the share of the rate that all looks together have spent once there are so many repeats."""
    return 1 - Fraction(1, repeats)


def first_look(rate: float, repeats: int) -> float:
    """Return the rate of false discoveries at the first look, if it comes after so many repeats."""
    return rate * float(spent(repeats))
