"""The test of one question and model: are answers of different groups further apart than answers of one?

A group is a region, or, where two jobs are compared, a job. The statistic is the mean distance between answers of
different groups minus the mean distance between answers of the same group, both over pairs: about 0 where groups do
not matter, at most 1. If they do not matter, their labels may be exchanged among the answers; the p-value is the share
of such exchanges (all of them when they are few, else random ones) whose statistic is at least as large.
docs/method.md has the formulas and their sources.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from beacon_cli.comparison.arrangements import arrangement_count, arrangements, distinct_count
from beacon_cli.comparison.distance import Distance, distances

EXCHANGES = 9_999
"""So many exchanges of labels are looked at: all there are when they are fewer."""

_SEED = 0
_SAME = 1e-9  # distances are sums of floats: what differs by less is equal
_MOST_CELLS = 4_000_000  # of the matrices of one step: about 32 MB


@dataclass(frozen=True, slots=True)
class Difference:
    """What the answers to one question have to do with the group that gave them.

    `within` and `between` are mean distances, `between_pairs` those of each two groups; `effect` is `between` minus
    `within`, with an interval of 95 % (`low`, `high`; None where groups have too few answers for one). `p_value` is
    None where answers inside every group are the same, but groups differ: nothing tells how much is noise.
    `least_p_value` is the smallest that so few answers can give.
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

    `seed` draws the exchanges where they are too many to look at all of them, so that the same answers always give
    the same p-value.
    """
    sizes = tuple(len(texts) for texts in answers.values())
    matrix = distances([text for texts in answers.values() for text in texts], measure)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    within, between = _means(matrix, labels)
    low, high = _interval(matrix, labels, sizes, between - within)
    return Difference(
        within,
        between,
        _between_pairs(matrix, labels, list(answers)),
        low,
        high,
        _p_value(matrix, labels, sizes, exchanges, seed) if within > _SAME or between <= _SAME else None,
        1 / min(exchanges + 1, distinct_count(sizes)),
    )


def _means(matrix: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return the mean distance over pairs of one group, and over pairs of different ones."""
    same = labels[:, None] == labels[None, :]
    pairs_within = (np.count_nonzero(same) - len(labels)) / 2
    pairs_between = (same.size - np.count_nonzero(same)) / 2
    inside = float(matrix[same].sum()) / 2
    return inside / pairs_within, (float(matrix.sum()) / 2 - inside) / pairs_between


def _between_pairs(matrix: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> dict[tuple[str, str], float]:
    return {
        (names[one], names[other]): float(matrix[np.ix_(labels == one, labels == other)].mean())
        for one, other in itertools.combinations(range(len(names)), 2)
    }


def _p_value(matrix: np.ndarray, labels: np.ndarray, sizes: tuple[int, ...], exchanges: int, seed: int) -> float:
    """Return how often an exchange of the labels gives as large a statistic.

    The sum of all distances stays the same, so the statistic is large where the distances inside groups sum up to
    little. Random exchanges count the labels as they are once more (Phipson and Smyth, 2010).
    """
    every = arrangement_count(sizes) <= exchanges
    dealt = arrangements(sizes, exchanges, seed)
    observed = _inside(matrix, labels[None, :], len(sizes))[0]
    step = max(1, _MOST_CELLS // len(labels))
    as_small = sum(
        int(np.count_nonzero(_inside(matrix, dealt[first : first + step], len(sizes)) <= observed + _SAME))
        for first in range(0, len(dealt), step)
    )
    return as_small / len(dealt) if every else (as_small + 1) / (len(dealt) + 1)


def _inside(matrix: np.ndarray, dealt: np.ndarray, groups: int) -> np.ndarray:
    """Return, for each row of labels, the sum of the distances inside groups (each pair counted twice)."""
    total = np.zeros(len(dealt))
    for group in range(groups):
        member = (dealt == group).astype(float)
        total += np.einsum("ij,ij->i", member @ matrix, member)
    return total


def _interval(
    matrix: np.ndarray, labels: np.ndarray, sizes: tuple[int, ...], effect: float
) -> tuple[float | None, float | None]:
    """Return the effect's interval of 95 % by the jackknife: each answer left out once, group by group."""
    if min(sizes) < 2 or max(sizes) < 3:
        return None, None
    variance = 0.0
    for group, size in enumerate(sizes):
        effects = []
        for left_out in np.flatnonzero(labels == group):
            rest = np.delete(np.arange(len(labels)), left_out)
            within, between = _means(matrix[np.ix_(rest, rest)], labels[rest])
            effects.append(between - within)
        variance += (size - 1) / size * float(np.square(np.array(effects) - np.mean(effects)).sum())
    margin = float(stats.t.ppf(0.975, sum(sizes) - len(sizes))) * math.sqrt(variance)
    return effect - margin, effect + margin
