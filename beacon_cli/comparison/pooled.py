"""One test over the whole job: does the group matter at all, and which one?

Few answers to one question can show large differences only; many questions together show small ones. Each question and
model is a stratum: labels are exchanged inside it, and what its statistic says is added up over all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import Any

import numpy as np

from beacon_cli.comparison.apart import PairNames, corrected, standing_apart
from beacon_cli.comparison.arrangements import random_arrangements
from beacon_cli.comparison.discoveries import discovery_rates
from beacon_cli.comparison.exchange import inside
from beacon_cli.comparison.layout import Sample

Tag = str | None
"""A tag of questions; None stands for questions without any."""

DRAWS = 1_999
"""The number of random exchanges of the whole job, at least."""

MOST_DRAWS = 99_999

_SHARP = 10  # exchanges that may be as extreme, so that the p-value is still as small as the rate

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

    def as_data(self) -> dict[str, Any]:
        """Return the test as a JSON object."""
        return {
            "p_value": self.p_value,
            "different": self.different,
            "results": self.subjects,
            "regions": list(self.apart),
            "pairs": [{"groups": list(pair), "p_value": p_value} for pair, p_value in self.pairs.items()],
        }


@dataclass(slots=True)
class _Sums:
    """Adds up what the statistics of strata say, of the real labels and of so many `draws`: of all groups, and of each
    two."""

    draws: InitVar[int]
    _total: np.ndarray = field(init=False)
    _pairs: dict[PairNames, np.ndarray] = field(default_factory=dict)
    _groups: dict[str, None] = field(default_factory=dict)
    _subjects: int = 0

    def __post_init__(self, draws: int) -> None:
        self._total = np.zeros(draws + 1)

    def add(self, names: Sequence[str], scores: np.ndarray, pairs: Mapping[PairNames, np.ndarray]) -> None:
        self._subjects += 1
        self._total += scores
        self._groups |= dict.fromkeys(names)
        for pair, mine in pairs.items():
            self._pairs[pair] = self._pairs.get(pair, 0.0) + mine

    @property
    def tested(self) -> bool:
        return self._subjects > 0

    @property
    def p_value(self) -> float:
        return _share(self._total)

    def result(self, rate: float, p_value: float, *, tests: float = 1.0) -> Pooled:
        """Return the result, given the corrected p-value, and by what those of pairs are multiplied for other tests."""
        shares = {pair: tests * _share(scores) for pair, scores in self._pairs.items()}
        pairs = corrected(shares, len(self._groups), p_value)
        differing = {pair for pair, each in pairs.items() if each <= rate}
        apart = standing_apart(list(self._groups), differing)
        return Pooled(p_value, self._subjects, pairs, apart, p_value <= rate)


@dataclass(slots=True)
class Pool:
    """Collects subjects one by one: memory does not grow with their number, only with that of tags.

    `rate` is that of false discoveries. There are so many different `tags`: the more, the more exchanges are drawn, so
    that the p-value of a single tag can be small enough once it is corrected.
    """

    rate: float
    tags: int = 0
    _draws: int = field(init=False)
    _whole: _Sums = field(init=False)
    _tags: dict[Tag, _Sums] = field(default_factory=dict)
    _number: int = 0

    def __post_init__(self) -> None:
        self._draws = min(max(DRAWS, math.ceil(_SHARP * max(1, self.tags) / self.rate) - 1), MOST_DRAWS)
        self._whole = _Sums(self._draws)

    def add(self, sample: Sample, tags: Sequence[Tag] = ()) -> None:
        """Add the answers to one question, which has these tags."""
        self._number += 1
        names = sample.names
        scores = self._scores(sample, 0)
        if scores is None:
            return
        pairs: dict[PairNames, np.ndarray] = {}
        for number, pair in enumerate(itertools.combinations(names, 2), 1):
            mine = self._scores(sample.of(pair), number) if len(names) > 2 else scores
            if mine is not None:
                pairs[pair] = mine
        for sums in (self._whole, *(self._tags.setdefault(tag, _Sums(self._draws)) for tag in tags)):
            sums.add(names, scores, pairs)

    def result(self) -> Pooled | None:
        """Return the test, or None if there was nothing to test."""
        return self._whole.result(self.rate, self._whole.p_value) if self._whole.tested else None

    def by_tag(self) -> dict[Tag, Pooled]:
        """Return the same test of the questions with each tag, where there was something to test, corrected for the
        number of tags (Benjamini and Hochberg, 1995).

        Pairs of groups are tested at the level at which the tag was a discovery (Benjamini and Bogomolov, 2014).
        """
        q_values = discovery_rates([sums.p_value for sums in self._tags.values()])
        tests = len(q_values) / max(1, sum(q_value <= self.rate for q_value in q_values))
        return {
            tag: sums.result(self.rate, q_value, tests=tests)
            for (tag, sums), q_value in zip(self._tags.items(), q_values, strict=True)
        }

    def _scores(self, sample: Sample, number: int) -> np.ndarray | None:
        return stratum_scores(sample, (self._number, number), self._draws)


def stratum_scores(sample: Sample, seed: tuple[int, ...], draws: int = DRAWS) -> np.ndarray | None:
    """Return the statistic of the real labels and of `draws` random ones, in standard deviations; None without noise.

    Each stratum draws its own exchanges, by its seed, so that those of all strata together are exchanges of the whole
    job.
    """
    if len(sample.names) < 2:
        return None
    layout = sample.laid_out()
    if not (layout.distances * (layout.labels[:, None] == layout.labels)).max() > _SAME:
        return None
    drawn = random_arrangements(layout.shape, draws, np.random.default_rng(seed))
    values = inside(layout.distances, np.concatenate([layout.labels[None, :], drawn]), layout.sizes)
    deviation = values.std()
    scores: np.ndarray = (values - values.mean()) / (deviation if deviation > _SAME else math.inf)
    return scores


def _share(scores: np.ndarray) -> float:
    """Return the share of exchanges, the real labels among them, that are at least as extreme as these."""
    return float(np.mean(scores <= scores[0] + _SAME))
