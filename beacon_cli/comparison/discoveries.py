"""P-values of many tests, corrected for their number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def discovery_rates(p_values: Sequence[float]) -> list[float]:
    """Return each p-value as the smallest false discovery rate at which it would count as a discovery (Benjamini and
    Hochberg, 1995)."""
    order = np.argsort(p_values)
    scaled = np.asarray(p_values)[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    q_values = np.empty(len(p_values))
    q_values[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return [float(value) for value in q_values]
