"""The test of one question and model: are answers of different groups further apart than answers of one?

A group is a region, or, where two jobs are compared, a job. If groups do not matter, their labels may be exchanged
among the answers. The p-value is the share of such exchanges (all of them when they are few, else random ones) that
put answers into groups at least as much alike as they are. It is small where the groups' answers are spread around
different points, and also where they are spread differently. docs/explanation/method.md has the formulas and their
sources.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from beacon_cli.comparison.arrangements import are_few, arrangements, distinct_count
from beacon_cli.comparison.distance import Distance, distances

EXCHANGES = 9_999
"""So many exchanges of labels are looked at: all there are when they are fewer."""

_SEED = 0
_SAME = 1e-9  # distances are sums of floats: what differs by less is equal
_ENOUGH = 500  # exchanges that are as extreme: 5 % of 9,999, so that a p-value below 5 % has all of them behind it
_LEAST_FOR_INTERVAL = 3  # answers of a group: of two there is one distance, and no telling how much it varies


@dataclass(frozen=True, slots=True)
class Difference:
    """What the answers to one question have to do with the group that gave them.

    `between_pairs` are the mean distances of each two groups, `between` is their mean; `within` is the mean of the mean
    distances inside groups, of those with two answers or more: no group counts for more because it has more answers.
    `effect` is `between` minus `within`, with an interval of 95 % (`low`, `high`; None where a group has too few
    answers for one, or no noise). `p_value` is None where answers inside every group are the same, but groups differ:
    nothing tells how much is noise. `least_p_value` is the smallest that so few answers can give.
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
        """How much further apart answers of different groups are than answers of one."""
        return self.between - self.within


def difference(
    answers: Mapping[str, Sequence[str]], measure: Distance, *, exchanges: int = EXCHANGES, seed: int = _SEED
) -> Difference:
    """Return the test of answers by group: at least two groups, and in one of them two answers.

    `seed` draws the exchanges where they are too many to look at all of them. The same answers always give the same
    p-value, in whatever order they and their groups come, and whatever the groups are called.
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
    """Return the sum of the distances between the answers of each two groups; of one, each pair is counted twice."""
    starts = np.cumsum((0, *sizes[:-1]))
    return np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1)


def _means(sums: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """Return the mean distance inside groups, and between them: each group, and each two, count alike."""
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
    """Return how often an exchange of the labels puts answers into groups that are as much alike.

    Random exchanges count the labels as they are once more (Phipson and Smyth, 2010), and end when so many were as
    extreme that more of them would not matter: the p-value is still a valid one (Besag and Clifford, 1991).
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

    It is the sum over groups of the distances of their pairs (counted twice), divided by the group's size: what energy
    distance and PERMANOVA take. The sum of all distances stays the same, so the rest of it is between groups.
    """
    total = np.zeros(len(dealt))
    for group, size in enumerate(sizes):
        member = (dealt == group).astype(float)
        total += np.einsum("ij,ij->i", member @ matrix, member) / size
    return total


def _interval(matrix: np.ndarray, sums: np.ndarray, sizes: tuple[int, ...]) -> tuple[float | None, float | None]:
    """Return the effect's interval of 95 % by the jackknife: each answer left out once, group by group.

    The degrees of freedom are those of the smallest group: what one noisy group adds is known from its answers alone.
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
    margin = float(stats.t.ppf(0.975, min(sizes) - 1)) * math.sqrt(variance)
    return between - within - margin, between - within + margin


def _variance(rows: np.ndarray, sums: np.ndarray, counts: np.ndarray, group: int) -> float:
    """Return what a group's answers add to the variance of the effect, given how far each is from each group's.

    Leaving an answer out changes the mean distances of its own group, and only these: the rest is the same each time.
    """
    groups, left = len(counts), counts[group] - 1
    means = (sums[group] - rows) / (left * counts)
    means[:, group] = (sums[group, group] - 2 * rows[:, group]) / (left * (left - 1))
    shares = np.full(groups, 2 / (groups * (groups - 1)))
    shares[group] = -1 / groups
    return float(left * np.var(means @ shares))
