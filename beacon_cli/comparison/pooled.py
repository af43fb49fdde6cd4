"""One test over the whole job: does the group matter at all, and which one?

Few answers to one question can show large differences only; many questions together show small ones. Each question and
model is a stratum: labels are exchanged inside it, and what its statistic says is added up over all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from beacon_cli.comparison.apart import PairNames, corrected, standing_apart
from beacon_cli.comparison.arrangements import random_arrangements
from beacon_cli.comparison.exchange import inside
from beacon_cli.comparison.layout import Sample

DRAWS = 1_999
"""The number of random exchanges of the whole job."""

_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Pooled:
    """The result: `subjects` counts what was tested, `pairs` has the corrected p-value of each two groups, and `apart`
    the groups that differ from the others."""

    p_value: float
    subjects: int
    pairs: Mapping[PairNames, float]
    apart: tuple[str, ...]
    different: bool


@dataclass(slots=True)
class Pool:
    """Collects subjects one by one: memory does not grow with their number."""

    _total: np.ndarray = field(default_factory=lambda: np.zeros(DRAWS + 1))
    _pairs: dict[PairNames, np.ndarray] = field(default_factory=dict)
    _groups: dict[str, None] = field(default_factory=dict)
    _subjects: int = 0
    _number: int = 0

    def add(self, sample: Sample) -> None:
        """Add the answers to one question."""
        self._number += 1
        names = sample.names
        scores = stratum_scores(sample, (self._number, 0))
        if scores is None:
            return
        self._subjects += 1
        self._total += scores
        self._groups |= dict.fromkeys(names)
        for number, pair in enumerate(itertools.combinations(names, 2), 1):
            mine = stratum_scores(sample.of(pair), (self._number, number)) if len(names) > 2 else scores
            if mine is not None:
                self._pairs[pair] = self._pairs.get(pair, 0.0) + mine

    def result(self, rate: float) -> Pooled | None:
        """Return the test, or None if there was nothing to test."""
        if not self._subjects:
            return None
        p_value = _share(self._total)
        pairs = corrected({pair: _share(scores) for pair, scores in self._pairs.items()}, len(self._groups), p_value)
        differing = {pair for pair, each in pairs.items() if each <= rate}
        apart = standing_apart(list(self._groups), differing)
        return Pooled(p_value, self._subjects, pairs, apart, p_value <= rate)


def stratum_scores(sample: Sample, seed: tuple[int, ...]) -> np.ndarray | None:
    """Return the statistic of the real labels and of random ones, in standard deviations; None without noise.

    Each stratum draws its own exchanges, by its seed, so that those of all strata together are exchanges of the whole
    job.
    """
    if len(sample.names) < 2:
        return None
    layout = sample.laid_out()
    if not (layout.distances * (layout.labels[:, None] == layout.labels)).max() > _SAME:
        return None
    drawn = random_arrangements(layout.shape, DRAWS, np.random.default_rng(seed))
    values = inside(layout.distances, np.concatenate([layout.labels[None, :], drawn]), layout.sizes)
    deviation = values.std()
    scores: np.ndarray = (values - values.mean()) / (deviation if deviation > _SAME else math.inf)
    return scores


def _share(scores: np.ndarray) -> float:
    """Return the share of exchanges, the real labels among them, that are at least as extreme as these."""
    return float(np.mean(scores <= scores[0] + _SAME))
