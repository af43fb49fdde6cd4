"""The measure `semantic`: how differently two answers mean, whatever words they use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from beacon_cli.comparison.embeddings import LANGUAGES, embeddings
from beacon_cli.comparison.languages import is_known, language_of, languages
from beacon_cli.console.formatting import quantity


def semantic(answers: Sequence[str]) -> np.ndarray:
    """Return the angle between each two answers, as points in space, as a share of a right angle; at most 1.

    The angle, unlike the cosine, tells near texts from the same one, and is a metric (Cer et al. 2018).
    """
    points = embeddings(answers)
    angles = 2 / np.pi * np.arccos(np.clip(points @ points.T, -1, 1))
    np.fill_diagonal(angles, 0)
    return np.array(np.minimum((angles + angles.T) / 2, 1))


class ForeignAnswers:
    """Counts the answers in languages that the measure does not know."""

    def __init__(self) -> None:
        self._answers = 0
        self._foreign: Counter[str] = Counter()

    def add(self, answer: str) -> None:
        """Look at the text of one answer."""
        self._answers += 1
        code = language_of(answer)
        if code is not None and code not in LANGUAGES:
            self._foreign[languages()[code].name] += 1
        elif not is_known(answer):
            self._foreign["another language"] += 1

    def warning(self) -> str | None:
        """Return how many answers the measure does not understand; None if it understands all."""
        if not self._foreign:
            return None
        named = ", ".join(f"{name} {count}" for name, count in self._foreign.most_common())
        return (
            f"the measure `semantic` does not know the language of {self._foreign.total()} of "
            f"{quantity(self._answers, 'answer')} ({named}): their distances say little; use `lexical` for them"
        )
