"""How many false alarms looks at a growing job make if whoever looks chooses the next number of repeats to that end.

The rate is spent by the number of repeats, whatever was seen. Here somebody sees the statistic of the whole job at each
look, taken as normal, and goes on to the number that makes a false alarm most likely from there (dynamic programming).
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist
from typing import Any

import numpy as np

from beacon_cli.comparison.looks import Looks
from beacon_cli.job.analysis import FALSE_DISCOVERY_RATE

FIRST = (2, 3, 5, 8, 10)
_GROWN = (2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50, 75, 100)
_NORMAL = NormalDist()
_statistic = np.arange(-6, 6.001, 0.02)
_step = np.arange(-6, 6.001, 0.05)
_above = np.vectorize(lambda value: _NORMAL.cdf(-value))
_density = np.vectorize(_NORMAL.pdf)


def worst_choice() -> Iterator[dict[str, Any]]:
    """Yield the chance of a false alarm at any look, for each number of repeats at the first one."""
    later: dict[int, np.ndarray] = {_GROWN[-1]: np.zeros_like(_statistic)}
    for place in reversed(range(len(_GROWN) - 1)):
        repeats = _GROWN[place]
        later[repeats] = np.max([_grown(repeats, more, later[more]) for more in _GROWN[place + 1 :]], axis=0)
    weights = _density(_statistic) / _density(_statistic).sum()
    for repeats in FIRST:
        level = _level(repeats)
        unnoticed = _statistic < _NORMAL.inv_cdf(1 - level)
        yield {"first": repeats, "level": level, "worst": level + float((later[repeats] * weights)[unnoticed].sum())}


def _level(*repeats: int) -> float:
    return Looks(tuple({"job": each} for each in repeats)).levels(FALSE_DISCOVERY_RATE)[-1]


def _grown(repeats: int, more: int, later: np.ndarray) -> np.ndarray:
    """Return, for each statistic at `repeats`, the chance of a false alarm at `more` or at any later look."""
    critical = _NORMAL.inv_cdf(1 - _level(repeats, more))
    kept, new = np.sqrt(repeats / more), np.sqrt(1 - repeats / more)
    weights = _density(_step) / _density(_step).sum()
    reached = _statistic[:, None] * kept + _step * new
    going_on = np.where(reached < critical, np.interp(reached, _statistic, later), 0) @ weights
    found: np.ndarray = _above((critical - _statistic * kept) / new) + going_on
    return found
