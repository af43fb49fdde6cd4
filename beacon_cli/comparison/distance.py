"""The distance between two answers, from 0 (the same) to 1 (nothing in common)."""

from __future__ import annotations

import itertools
from array import array
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from beacon_cli.comparison.semantic import semantic
from beacon_cli.comparison.words import words

Measure = Callable[[Sequence[str]], np.ndarray]
"""Measures the distances between answers: a symmetric matrix, 0 for equal answers, at most 1."""


def lexical(answers: Sequence[str]) -> np.ndarray:
    """Return, for each two answers, the share of their words that are not in their longest common subsequence.

    It needs no words, but which are equal: each becomes a number, and the numbers are compared, all pairs at once.
    """
    numbers: defaultdict[str, int] = defaultdict(itertools.count().__next__)
    coded = [array("L", map(numbers.__getitem__, words(answer))) for answer in answers]
    return cdist(coded, coded, scorer=Indel.normalized_distance, dtype=np.float64)


MEASURES: dict[str, Measure] = {"lexical": lexical, "semantic": semantic}
"""Every measure by its name. Add new ones here."""


def distances(answers: Sequence[str], measure: Measure) -> np.ndarray:
    """Return the distance of every answer from every other, as a symmetric matrix: equal answers are measured once."""
    places: dict[str, int] = {}
    index = [places.setdefault(text, len(places)) for text in answers]
    return measure(list(places))[np.ix_(index, index)]
