"""Whether something piles up in one group, beyond chance: failures, or answers that were cut off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from beacon_cli.comparison.pooled import DRAWS

_SAME = 1e-9

Share = tuple[int, int]
"""How many, of how many."""


@dataclass(frozen=True, slots=True)
class Piled:
    """`p_value` says how often chance alone piles up as much; `group` is where there are more than by chance."""

    p_value: float
    group: str


@dataclass(slots=True)
class Pile:
    """Counts in strata: inside a question and model, each cell is as likely to be hit as any other.

    The cells that were hit are drawn anew, with the numbers of each stratum and group kept, and added up over all
    strata (a permutation test; memory does not grow with the number of strata).
    """

    _drawn: dict[str, np.ndarray] = field(default_factory=dict)
    _expected: dict[str, float] = field(default_factory=dict)
    _number: int = 0

    def add(self, shares: Mapping[str, Share]) -> None:
        """Add a stratum: of each group, how many cells were hit, of how many."""
        self._number += 1
        hit, cells = sum(count for count, _ in shares.values()), sum(of for _, of in shares.values())
        if not 0 < hit < cells:
            return
        chance = np.random.default_rng(self._number)
        drawn = chance.multivariate_hypergeometric([of for _, of in shares.values()], hit, size=DRAWS)
        for (group, (count, of)), column in zip(shares.items(), drawn.T, strict=True):
            self._drawn[group] = self._drawn.get(group, 0) + np.concatenate([[count], column])
            self._expected[group] = self._expected.get(group, 0.0) + hit * of / cells

    def result(self) -> Piled | None:
        """Return the test; None if nothing was hit, or everything."""
        excess = {
            group: (self._drawn[group] - expected) / expected**0.5
            for group, expected in self._expected.items()
            if expected
        }
        if not excess:
            return None
        scores = sum(each**2 for each in excess.values())
        return Piled(float(np.mean(scores >= scores[0] - _SAME)), max(excess, key=lambda group: excess[group][0]))
