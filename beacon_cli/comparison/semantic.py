"""The measure `semantic`: how differently two answers mean, whatever words they use."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from beacon_cli.comparison.embeddings import LANGUAGES, embeddings
from beacon_cli.comparison.languages import is_known, language_of, languages
from beacon_cli.comparison.lexical import as_numbers, unshared
from beacon_cli.comparison.nearly_alike import NEAR, marks
from beacon_cli.comparison.sentences import sentences
from beacon_cli.console.formatting import quantity

SAME = 0.5
"""The angle between two sentences, as a share of a right angle, up to which they count as saying the same.

Measured on paraphrases by people: `python -m benchmarks.measures`, and docs/explanation/measures.md.
"""

OTHERWISE = 0.5
"""How far apart two sentences are that share nearly all words, but not their numbers or negations."""


def semantic(answers: Sequence[str]) -> np.ndarray:
    """Return, for each two answers, how much either says that the other does not say: from 0 to 1.

    For each sentence of one, the nearest sentence of the other is looked for. The distance of two answers is the mean
    over the sentences of both, where longer ones count for more.
    """
    split = [sentences(answer) or [answer] for answer in answers]
    places: dict[str, int] = {}
    said = [[places.setdefault(sentence, len(places)) for sentence in each] for each in split]
    apart = _Apart(places, answers)
    starts, everything = np.cumsum([0, *map(len, said[:-1])]), list(itertools.chain.from_iterable(said))
    lengths = np.array([max(1, len(sentence)) for sentence in places], dtype=np.float64)
    unsaid = np.empty((len(answers), len(answers)))
    for row, mine in zip(unsaid, said, strict=True):
        nearest = np.minimum.reduceat(apart.of(mine)[:, everything], starts, axis=1)
        row[:] = np.average(nearest, axis=0, weights=lengths[mine])
    return np.array((unsaid + unsaid.T) / 2)


class _Apart:
    """How far apart sentences are, a few rows at a time: all of them could take gigabytes."""

    def __init__(self, texts: Collection[str], answers: Sequence[str]) -> None:
        kinds: defaultdict[object, int] = defaultdict(itertools.count().__next__)
        found = {sentence: mark for answer in answers for sentence, mark in marks(answer).items()}
        self._marks = np.array([kinds[found.get(text)] for text in texts])
        self._words = as_numbers(list(texts))
        self._points = embeddings(list(texts))

    def of(self, places: Sequence[int]) -> np.ndarray:
        """Return the distances of the sentences at these places from all of them: the angle, as points in space, beyond
        half a right angle, unless they share nearly all words, but not their numbers or negations."""
        angles = 2 / np.pi * np.arccos(np.clip(self._points[places] @ self._points.T, -1, 1))
        apart = np.clip((angles - SAME) / (1 - SAME), 0, 1)
        other = self._marks[places][:, None] != self._marks
        near = unshared([self._words[place] for place in places], self._words) <= NEAR
        apart[other & near] = OTHERWISE
        return np.array(apart)


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
