"""The exchange test: how often do exchanged labels give groups whose answers are at least as similar?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from beacon_cli.comparison.arrangements import are_few, arrangements
from beacon_cli.comparison.layout import Layout
from beacon_cli.design.shapes import Shape, Sizes, distinct_count

EXCHANGES = 9_999
"""The number of exchanges of labels that are tested; all of them if there are fewer."""

_SEED = 0
_ENOUGH = 500  # exchanges that are as extreme: 5 % of 9,999, so that a p-value below 5 % is based on all of them
_SAME = 1e-9  # sums of distances are floats: a smaller difference counts as equal
_NEAR = 1e-4  # in single precision, relative to the statistic: closer ones are computed again in double precision


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean, standard deviation and skewness of the statistic under exchanges of labels."""

    mean: float
    deviation: float
    skewness: float


@dataclass(frozen=True, slots=True)
class Exchanged:
    """`p_value` is the share of the exchanges of one shape that are as extreme; `unmatched`: no random one was."""

    shape: Shape
    p_value: float
    least: float
    unmatched: bool
    moments: Moments


@dataclass(frozen=True, slots=True)
class Tested:
    """The result of a test. Answers to shared seeds are tested twice: see `exchange_test`."""

    exchanges: tuple[Exchanged, ...]

    @property
    def p_value(self) -> float:
        """The smaller p-value, times the number of them."""
        return min(1.0, len(self.exchanges) * min(each.p_value for each in self.exchanges))

    @property
    def least_p_value(self) -> float:
        """The smallest p-value that so few answers, or exchanges, can give."""
        return min(1.0, len(self.exchanges) * min(each.least for each in self.exchanges))

    @property
    def unmatched(self) -> bool:
        """Whether more random exchanges could give a smaller p-value."""
        return any(each.unmatched for each in self.exchanges)


def exchange_test(layout: Layout, exchanges: int) -> Tested:
    """Return the test of answers: at least two groups.

    If answers share seeds, labels are exchanged inside each seed, and also over all answers. The first shows
    differences that are small beside the noise, the second shows with few repeats that one group stands out. Answers
    to one seed are alike, if anything, which makes the second conservative. So both p-values are valid, and twice the
    smaller one is, too.
    """
    return Tested(tuple(_exchanged(layout, shape, exchanges) for shape in layout.shapes))


def tested_again(found: Tested, layout: Layout, exchanges: int) -> Tested:
    """Return a test in which each part that more exchanges can make smaller has so many of them."""
    parts = (_exchanged(layout, part.shape, exchanges) if part.unmatched else part for part in found.exchanges)
    return Tested(tuple(parts))


def _exchanged(layout: Layout, shape: Shape, exchanges: int) -> Exchanged:
    """Return the share of the exchanges of labels that give groups with answers at least as similar.

    Random exchanges count the real labels once more (Phipson and Smyth, 2010). They stop when so many were as extreme
    that more would not matter: the p-value is still valid (Besag and Clifford, 1991).
    """
    few = are_few(shape, exchanges)
    rounded = layout.distances.astype(np.float32)
    observed = float(inside(layout.distances, layout.labels[None, :], layout.sizes)[0])
    least = 1 / min(exchanges + 1, distinct_count(shape))
    seen = as_small = 0
    moments: Moments | None = None
    for dealt in arrangements(shape, exchanges, _SEED):
        values = inside(rounded, dealt, layout.sizes)
        near = np.abs(values - observed) <= _NEAR * observed + _SAME
        values[near] = inside(layout.distances, dealt[near], layout.sizes)
        moments = moments or _moments(values)
        hits = np.flatnonzero(values <= observed + _SAME)
        if not few and as_small + len(hits) >= _ENOUGH:
            p_value = _ENOUGH / (seen + int(hits[_ENOUGH - as_small - 1]) + 1)
            return Exchanged(shape, p_value, least, unmatched=False, moments=moments)
        seen += len(dealt)
        as_small += len(hits)
    assert moments is not None  # there is always an arrangement: the real one
    p_value = as_small / seen if few else (as_small + 1) / (seen + 1)
    return Exchanged(shape, p_value, least, unmatched=not few and not as_small, moments=moments)


def inside(matrix: np.ndarray, dealt: np.ndarray, sizes: Sizes) -> np.ndarray:
    """Return, for each row of labels, how far apart answers inside groups are: the statistic, smaller is more extreme.

    It is the sum over groups of the distances of their pairs (counted twice), divided by the group's size, as in energy
    distance and PERMANOVA. The sum of all distances stays the same, so the rest is between groups; inside a block every
    distance is between groups. What is left of all distances after the other groups belongs to the last one.
    """
    total = np.zeros(len(dealt))
    left = matrix.sum(axis=0)
    for group, size in enumerate(sizes[:-1]):
        member = (dealt == group).astype(matrix.dtype)
        to_group = member @ matrix
        total += np.einsum("ij,ij->i", to_group, member) / size
        left = left - to_group
    member = (dealt == len(sizes) - 1).astype(matrix.dtype)
    total += np.einsum("ij,ij->i", left, member) / sizes[-1]
    return total


def _moments(values: np.ndarray) -> Moments:
    """Return the moments of the first exchanges, which are random, or all if they are few."""
    mean, deviation = float(values.mean()), float(values.std())
    if deviation <= _SAME:
        return Moments(mean, 0.0, 0.0)
    return Moments(mean, deviation, float(((values - mean) ** 3).mean()) / deviation**3)
