"""The test of one question and model: are answers of different groups further apart than answers of one group?

A group is a region, or a job if two jobs are compared. If groups do not matter, their labels may be exchanged
among the answers. The p-value is the share of such exchanges (all of them if they are few, else random ones) that
give groups whose answers are at least as similar as the real groups. It is small if the answers of the groups are
spread around different points, and also if they are spread differently. docs/explanation/method.md has the formulas
and their sources.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from beacon_cli.comparison.arrangements import are_few, arrangements, distinct_count
from beacon_cli.comparison.distance import Measure, distances

EXCHANGES = 9_999
"""The number of exchanges of labels that are tested; all of them if there are fewer."""

_SEED = 0
_SAME = 1e-9  # distances are sums of floats: a smaller difference counts as equal
_ENOUGH = 500  # exchanges that are as extreme: 5 % of 9,999, so that a p-value below 5 % is based on all of them
_LEAST_FOR_INTERVAL = 3  # answers of a group: two have only one distance, whose variance is unknown


@dataclass(frozen=True, slots=True)
class Difference:
    """How the answers to one question depend on the group that gave them.

    `between_pairs` are the mean distances between each two groups, and `between` is their mean. `within` is the mean of
    the mean distances inside groups with two or more answers: a group with more answers does not count more.
    `effect` is `between` minus `within`, with a 95 % interval (`low`, `high`; None if a group has too few answers or no
    noise). `p_value` is None if the answers inside every group are the same but the groups differ: the noise is then
    unknown. `least_p_value` is the smallest p-value that so few answers can give.
    """

    within: float
    between: float
    between_pairs: Mapping[tuple[str, str], float]
    low: float | None
    high: float | None
    p_value: float | None
    least_p_value: float

    @property
    def effect(self) -> float:
        """How much further apart answers of different groups are than answers of one group."""
        return self.between - self.within


def difference(
    answers: Mapping[str, Sequence[str]], measure: Measure, *, exchanges: int = EXCHANGES, seed: int = _SEED
) -> Difference:
    """Test answers by group: there must be at least two groups, and two answers in one of them.

    `seed` draws the exchanges if there are too many to test all of them. The same answers always give the same p-value,
    regardless of their order and of the order and names of the groups.
    """
    names = sorted(answers, key=lambda name: (len(answers[name]), sorted(answers[name])))
    sizes = tuple(len(answers[name]) for name in names)
    matrix = distances([text for name in names for text in sorted(answers[name])], measure)
    sums = _sums(matrix, sizes)
    within, between = _means(sums, np.array(sizes))
    low, high = _interval(matrix, sums, sizes)
    return Difference(
        within,
        between,
        _between_pairs(sums, names, sizes, list(answers)),
        low,
        high,
        _p_value(matrix, sizes, exchanges, seed) if within > _SAME or between <= _SAME else None,
        1 / min(exchanges + 1, distinct_count(sizes)),
    )


def _sums(matrix: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """Return the sums of the distances between answers of each two groups; inside a group each pair counts twice."""
    starts = np.cumsum((0, *sizes[:-1]))
    return np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1)


def _means(sums: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """Return the mean distance inside and between groups: each group, and each pair of groups, has the same weight."""
    pairs = sizes * (sizes - 1)
    inside = np.diagonal(sums)[pairs > 0] / pairs[pairs > 0]
    each_two = np.triu_indices(len(sizes), 1)
    return float(inside.mean()), float((sums / np.outer(sizes, sizes))[each_two].mean())


def _between_pairs(
    sums: np.ndarray, names: Sequence[str], sizes: Sequence[int], order: Sequence[str]
) -> dict[tuple[str, str], float]:
    place = {name: number for number, name in enumerate(names)}
    return {
        (one, other): float(sums[place[one], place[other]] / (sizes[place[one]] * sizes[place[other]]))
        for one, other in itertools.combinations(order, 2)
    }


def _p_value(matrix: np.ndarray, sizes: tuple[int, ...], exchanges: int, seed: int) -> float:
    """Return the share of the exchanges of labels that give groups with answers at least as similar.

    Random exchanges count the real labels once more (Phipson and Smyth, 2010). They stop when so many were as extreme
    that more would not matter: the p-value is still valid (Besag and Clifford, 1991).
    """
    observed = _inside(matrix, np.repeat(np.arange(len(sizes)), sizes)[None, :], sizes)[0]
    few = are_few(sizes, exchanges)
    seen = as_small = 0
    for dealt in arrangements(sizes, exchanges, seed):
        hits = np.flatnonzero(_inside(matrix, dealt, sizes) <= observed + _SAME)
        if not few and as_small + len(hits) >= _ENOUGH:
            return float(_ENOUGH / (seen + int(hits[_ENOUGH - as_small - 1]) + 1))
        seen += len(dealt)
        as_small += len(hits)
    return as_small / seen if few else (as_small + 1) / (seen + 1)


def _inside(matrix: np.ndarray, dealt: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """Return, for each row of labels, how far apart answers inside groups are: the statistic, smaller is more extreme.

    It is the sum over groups of the distances of their pairs (counted twice), divided by the group's size, as in energy
    distance and PERMANOVA. The sum of all distances stays the same, so the rest is between groups.
    """
    total = np.zeros(len(dealt))
    for group, size in enumerate(sizes):
        member = (dealt == group).astype(float)
        total += np.einsum("ij,ij->i", member @ matrix, member) / size
    return total


def _interval(matrix: np.ndarray, sums: np.ndarray, sizes: tuple[int, ...]) -> tuple[float | None, float | None]:
    """Return the 95 % interval of the effect by the jackknife: each answer left out once, group by group.

    The degrees of freedom are those of the smallest group: the noise of a group is known only from its own answers.
    """
    if min(sizes) < _LEAST_FOR_INTERVAL:
        return None, None
    counts = np.array(sizes)
    within, between = _means(sums, counts)
    to_groups = np.add.reduceat(matrix, np.cumsum((0, *sizes[:-1])), axis=1)
    of_groups = np.split(to_groups, np.cumsum(counts)[:-1])
    variance = sum(_variance(rows, sums, counts, group) for group, rows in enumerate(of_groups))
    if variance <= _SAME**2:
        return None, None
    margin = float(stdtrit(min(sizes) - 1, 0.975)) * math.sqrt(variance)  # `scipy.stats` takes half a second to import
    return between - within - margin, between - within + margin


def _variance(rows: np.ndarray, sums: np.ndarray, counts: np.ndarray, group: int) -> float:
    """Return the part of the effect's variance from one group, given the distances of its answers to each group.

    Leaving out an answer changes only the mean distances of its own group: the rest stays the same.
    """
    groups, left = len(counts), counts[group] - 1
    means = (sums[group] - rows) / (left * counts)
    means[:, group] = (sums[group, group] - 2 * rows[:, group]) / (left * (left - 1))
    shares = np.full(groups, 2 / (groups * (groups - 1)))
    shares[group] = -1 / groups
    return float(left * np.var(means @ shares))
