"""The measure `lexical`: how many words two answers do not share, in their order."""

from __future__ import annotations

import itertools
from array import array
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import Indel
from rapidfuzz.process import cdist

from beacon_cli.comparison.words import words


def lexical(answers: Sequence[str]) -> np.ndarray:
    """Return, for each two answers, the share of their words that are not in their longest common subsequence."""
    coded = as_numbers(answers)
    return unshared(coded, coded)


def as_numbers(texts: Sequence[str]) -> list[array[int]]:
    """Return the words of each text, each word as a number of its own: what is needed of words is which are equal."""
    numbers: defaultdict[str, int] = defaultdict(itertools.count().__next__)
    return [array("L", map(numbers.__getitem__, words(text))) for text in texts]


def unshared(some: Sequence[array[int]], others: Sequence[array[int]]) -> np.ndarray:
    """Return, for each text of one list and each of the other, the share of their words that they do not share."""
    return cdist(some, others, scorer=Indel.normalized_distance, dtype=np.float64)
