"""How far two answers are apart, from 0 (the same) to 1 (nothing in common)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from rapidfuzz.distance import Indel

Distance = Callable[[str, str], float]
"""A measure of two answers: symmetric, 0 for equal ones, at most 1."""

# A word; where a script writes none apart (Chinese, Japanese), a character; punctuation is left out.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[^\W_]+")


def words(text: str) -> list[str]:
    """Return a text's words without regard to case and punctuation."""
    return _WORD.findall(text.casefold())


def lexical(one: str, other: str) -> float:
    """Return the share of the words of both answers that are not in their longest common subsequence."""
    return Indel.normalized_distance(_kept_words(one), _kept_words(other))


@lru_cache(maxsize=64)  # about the answers to one question: each is compared with all others
def _kept_words(text: str) -> tuple[str, ...]:
    return tuple(words(text))


MEASURES: dict[str, Distance] = {"lexical": lexical}
"""Every measure by its name; another one is added here."""


def distances(answers: Sequence[str], measure: Distance) -> np.ndarray:
    """Return the distance of every answer from every other, as a symmetric matrix."""
    count = len(answers)
    matrix = np.zeros((count, count))
    known: dict[tuple[str, str], float] = {}
    for row in range(count):
        for column in range(row):
            pair = (answers[row], answers[column])
            if pair not in known:
                known[pair] = known[pair[::-1]] = 0.0 if pair[0] == pair[1] else measure(*pair)
            matrix[row, column] = matrix[column, row] = known[pair]
    return matrix
