"""The exchange test: how often do exchanged labels give groups whose answers are at least as similar?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from beacon_cli.comparison.arrangements import Shape, Sizes, are_few, arrangements, distinct_count, group_sizes
from beacon_cli.comparison.layout import Layout

EXCHANGES = 9_999
"""The number of exchanges of labels that are tested; all of them if there are fewer."""

_SEED = 0
_ENOUGH = 500  # exchanges that are as extreme: 5 % of 9,999, so that a p-value below 5 % is based on all of them
_EXACT_BITS = 24  # of a float32: sums of integers up to 2^24 are exact, whatever their order


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
    """The result of a test. Answers to shared seeds are tested twice: see `tested`."""

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


@dataclass(frozen=True, slots=True)
class WholeDistances:
    """Distances as whole numbers: `matrix` has them in units of `unit`."""

    matrix: np.ndarray
    unit: float


def whole_distances(layout: Layout) -> WholeDistances:
    """Return distances as whole numbers, so large that sums of them are still exact in single precision.

    So the same answers give the same p-value on every machine, and equal sums are equal.
    """
    bits = _EXACT_BITS - math.ceil(math.log2(max(len(layout.labels), max(layout.sizes) ** 2)))
    unit = float(layout.distances.max(initial=0.0)) / 2**bits or 1.0
    return WholeDistances(np.rint(layout.distances / unit).astype(np.float32), unit)


def tested(layout: Layout, exchanges: int) -> Tested:
    """Return the test of answers: at least two groups.

    If answers share seeds, labels are exchanged inside each seed, and also over all answers. The first shows
    differences that are small beside the noise, the second shows with few repeats that one group stands out. Answers
    to one seed are alike, if anything, which makes the second conservative. So both p-values are valid, and twice the
    smaller one is, too.
    """
    whole = whole_distances(layout)
    return Tested(tuple(_exchanged(whole, layout.labels, shape, exchanges) for shape in layout.shapes))


def tested_again(found: Tested, layout: Layout, exchanges: int) -> Tested:
    """Return a test in which each part that more exchanges can make smaller has so many of them."""
    whole = whole_distances(layout)
    parts = (
        _exchanged(whole, layout.labels, part.shape, exchanges) if part.unmatched else part for part in found.exchanges
    )
    return Tested(tuple(parts))


def _exchanged(whole: WholeDistances, labels: np.ndarray, shape: Shape, exchanges: int) -> Exchanged:
    """Return the share of the exchanges of labels that give groups with answers at least as similar.

    Random exchanges count the real labels once more (Phipson and Smyth, 2010). They stop when so many were as extreme
    that more would not matter: the p-value is still valid (Besag and Clifford, 1991).
    """
    sizes = group_sizes(shape)
    observed = inside(whole.matrix, labels[None, :], sizes)[0]
    few = are_few(shape, exchanges)
    seen = as_small = 0
    moments: Moments | None = None
    p_value: float | None = None
    for dealt in arrangements(shape, exchanges, _SEED):
        values = inside(whole.matrix, dealt, sizes)
        moments = moments or _moments(values * whole.unit)
        hits = np.flatnonzero(values <= observed)
        if not few and as_small + len(hits) >= _ENOUGH:
            p_value = _ENOUGH / (seen + int(hits[_ENOUGH - as_small - 1]) + 1)
            break
        seen += len(dealt)
        as_small += len(hits)
    if p_value is None:
        p_value = as_small / seen if few else (as_small + 1) / (seen + 1)
    assert moments is not None  # there is always an arrangement: the real one
    least = 1 / min(exchanges + 1, distinct_count(shape))
    return Exchanged(shape, p_value, least, not few and not as_small, moments)


def inside(matrix: np.ndarray, dealt: np.ndarray, sizes: Sizes) -> np.ndarray:
    """Return, for each row of labels, how far apart answers inside groups are: the statistic, smaller is more extreme.

    It is the sum over groups of the distances of their pairs (counted twice), divided by the group's size, as in energy
    distance and PERMANOVA. The sum of all distances stays the same, so the rest is between groups; inside a block every
    distance is between groups. What is left of all distances after the other groups belongs to the last one.
    """
    common = math.lcm(*sizes)  # whole numbers again, so that the order of the groups makes no difference
    total = np.zeros(len(dealt))
    left = matrix.sum(axis=0)
    for group, size in enumerate(sizes[:-1]):
        member = (dealt == group).astype(np.float32)
        to_group = member @ matrix
        total += np.einsum("ij,ij->i", to_group, member) * float(common // size)
        left = left - to_group
    member = (dealt == len(sizes) - 1).astype(np.float32)
    total += np.einsum("ij,ij->i", left, member) * float(common // sizes[-1])
    return total / float(common)


def _moments(values: np.ndarray) -> Moments:
    """Return the moments of the first exchanges, which are random, or all if they are few."""
    mean, deviation = float(values.mean()), float(values.std())
    cubed = float(((values - mean) ** 3).mean())
    return Moments(mean, deviation, cubed / deviation**3 if deviation else 0.0)
