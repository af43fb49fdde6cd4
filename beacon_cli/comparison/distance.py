"""The distance between two answers, from 0 (the same) to 1 (nothing in common)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from beacon_cli.comparison.lexical import lexical
from beacon_cli.comparison.semantic import semantic

Measure = Callable[[Sequence[str]], np.ndarray]
"""Measures the distances between answers: a symmetric matrix, 0 for equal answers, at most 1."""


MEASURES: dict[str, Measure] = {"lexical": lexical, "semantic": semantic}
"""Every measure by its name. Add new ones here."""


def distances(answers: Sequence[str], measure: Measure) -> np.ndarray:
    """Return the distance of every answer from every other, as a symmetric matrix: equal answers are measured once."""
    places: dict[str, int] = {}
    index = [places.setdefault(text, len(places)) for text in answers]
    return measure(list(places))[np.ix_(index, index)]
