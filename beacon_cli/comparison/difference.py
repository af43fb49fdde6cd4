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
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from beacon_cli.comparison.exchange import EXCHANGES, Tested, exchange_test
from beacon_cli.comparison.layout import Layout
from beacon_cli.comparison.student import t_quantile

_SAME = 1e-9  # distances are floats: a smaller difference counts as equal
_LEAST_FOR_INTERVAL = 3  # answers of a group: two have only one distance, whose variance is unknown


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups: the mean distance between their answers (None if no two of them are independent), and how much larger
    it is than inside the two (None if one of them has a single answer)."""

    between: float | None
    effect: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How the answers to one question depend on the group that gave them.

    `between` is the mean of the mean distances between each two groups. `within` is the mean of the mean distances
    inside groups with two or more answers: a group with more answers does not count more. `effect` is `between` minus
    `within`, with a 95 % interval (`low`, `high`) and a one-sided 95 % bound (`upper`); they are None if a group has
    too few answers or no noise. `test` is None if the answers inside every group are the same but the groups differ:
    the noise is then unknown. `slope` is by how much the effect falls as the statistic of the test grows.
    """

    within: float
    between: float
    pairs: Mapping[tuple[str, str], Pair]
    low: float | None
    high: float | None
    upper: float | None
    test: Tested | None
    slope: float

    @property
    def effect(self) -> float:
        """How much further apart answers of different groups are than answers of one group."""
        return self.between - self.within

    @property
    def noiseless(self) -> bool:
        """Whether the answers inside every group are the same."""
        return self.within <= _SAME

    @property
    def equal(self) -> bool:
        """Whether all answers are the same."""
        return self.noiseless and self.between <= _SAME

    @property
    def most_apart(self) -> str:
        """The group that is furthest from the others on average."""
        effects: dict[str, list[float]] = {}
        for names, pair in self.pairs.items():
            for name in names:
                effects.setdefault(name, []).append(-1.0 if pair.effect is None else pair.effect)
        return max(effects, key=lambda name: sum(effects[name]) / len(effects[name]))


def difference(layout: Layout, *, exchanges: int = EXCHANGES) -> Difference:
    """Test answers by group: there must be at least two groups, and two answers in one of them.

    The same answers always give the same p-value, regardless of their order and of the order and names of the groups.
    """
    means = _Means(layout)
    within, between = float(means.within()), float(means.between())
    low, high, upper = _bounds(means, layout, between - within)
    noise = within > _SAME or between <= _SAME
    return Difference(
        within=within,
        between=between,
        pairs=_pairs(means.table(), layout),
        low=low,
        high=high,
        upper=upper,
        test=exchange_test(layout, exchanges) if noise else None,
        slope=_slope(means.counts, layout.sizes),
    )


class _Means:
    """Mean distances inside and between groups: each group, and each pair of groups, has the same weight.

    Only distances between independent answers count. `sums` and `counts` are of all answers; `without` leaves out one
    unit at a time.
    """

    def __init__(self, layout: Layout) -> None:
        members, apart = layout.members(), layout.units[:, None] != layout.units
        self._rows = [(layout.distances * apart) @ members, apart @ members]
        self._members, self._units = members, layout.units
        self.sums, self.counts = (members.T @ rows for rows in self._rows)

    def table(self) -> np.ndarray:
        """Return the mean distance between each two groups, and inside each; NaN where there is none."""
        return _quotient(self.sums, self.counts)

    def within(self) -> np.ndarray:
        return _within(self.sums, self.counts)

    def between(self) -> np.ndarray:
        return _between(self.sums, self.counts)

    def effects_without(self) -> np.ndarray:
        """Return the effect without each unit."""
        first = np.flatnonzero(np.diff(self._units, prepend=-1))
        sums, counts = (
            total - lost - lost.transpose(0, 2, 1)
            for total, rows in zip((self.sums, self.counts), self._rows, strict=True)
            for lost in [np.add.reduceat(self._members[:, :, None] * rows[:, None, :], first, axis=0)]
        )
        effects: np.ndarray = _between(sums, counts) - _within(sums, counts)
        return effects


def _quotient(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    means: np.ndarray = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    return means


def _within(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    groups = np.arange(sums.shape[-1])
    return _mean(_quotient(sums, counts)[..., groups, groups])


def _between(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    one, other = np.triu_indices(sums.shape[-1], 1)
    return _mean(_quotient(sums, counts)[..., one, other])


def _mean(table: np.ndarray) -> np.ndarray:
    """Return the means of rows, without what is unknown."""
    means: np.ndarray = np.nanmean(table, axis=-1)
    return means


def _pairs(table: np.ndarray, layout: Layout) -> dict[tuple[str, str], Pair]:
    """Return each two groups, in the order in which they were given."""
    first = {label: layout.places[layout.labels == label].min() for label in range(len(layout.groups))}
    order = sorted(first, key=first.__getitem__)
    return {
        (layout.groups[one], layout.groups[other]): Pair(
            _known(table[one, other]), _known(table[one, other] - (table[one, one] + table[other, other]) / 2)
        )
        for one, other in itertools.combinations(order, 2)
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _bounds(means: _Means, layout: Layout, effect: float) -> tuple[float | None, float | None, float | None]:
    """Return the 95 % interval of the effect, and its one-sided upper bound, by the jackknife: each unit is left out
    once; without pairing, group by group.

    The degrees of freedom are those of the smallest group: the noise of a group is known only from its own answers.
    """
    fewest = min(layout.sizes)
    if fewest < _LEAST_FOR_INTERVAL:
        return None, None, None
    effects = means.effects_without()
    strata = [effects] if layout.paired else [effects[layout.labels == label] for label in range(len(layout.groups))]
    variance = sum((len(stratum) - 1) * float(np.var(stratum)) for stratum in strata)
    if variance <= _SAME**2:
        return None, None, None
    error = math.sqrt(variance)
    margin = t_quantile(0.975, fewest - 1) * error
    return effect - margin, effect + margin, effect + t_quantile(0.95, fewest - 1) * error


def _slope(counts: np.ndarray, sizes: tuple[int, ...]) -> float:
    """Return by how much the effect falls as the statistic grows: exactly with groups of one size, else about."""
    between = float(counts.sum() - np.trace(counts))
    return sum(sizes) / len(sizes) / between + 1 / (sum(sizes) - len(sizes)) if between else math.inf
