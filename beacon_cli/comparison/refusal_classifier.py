"""Whether an answer is a refusal, by where its beginning lies among texts: finds refusals in words that no rule knows.

To embed a text takes milliseconds, and most answers are far from any refusal. So the points of their single words are
looked at first: a word is embedded once for all answers that have it. The weights are those of two linear models.
`scripts/train_refusals.py` makes them, from texts of this repository.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from beacon_cli.comparison.embeddings import LANGUAGES, embeddings
from beacon_cli.comparison.languages import language_of
from beacon_cli.comparison.refusal import Judgement, RefusalRule, judged_by_rules
from beacon_cli.comparison.words import words

LOOKED_AT = 300
"""Characters from the start of an answer."""

_LONGEST = 800  # characters: a longer text says something after it has refused, so it is none
_SHOWN = 80
_TEXTS_KEPT = 4_096  # short answers are often the same
_WORDS_KEPT = 50_000


@dataclass(frozen=True, slots=True)
class Classifier:
    """Weights of an embedding's dimensions, what is added, and the probability above which it is a refusal's."""

    weights: np.ndarray
    bias: float
    threshold: float

    def log_odds(self, texts: Sequence[str]) -> np.ndarray:
        """Return the logarithm of the odds that each text is a refusal."""
        return np.array(embeddings(texts) @ self.weights + self.bias)

    @property
    def least(self) -> float:
        """The log odds at the threshold."""
        return math.log(self.threshold / (1 - self.threshold))


@dataclass(frozen=True, slots=True)
class Classifiers:
    """One for the beginning of an answer, and one for its words: the mean of their log odds estimates those of the
    whole, and below its threshold they are low enough to look no further."""

    text: Classifier
    word: Classifier


class Remembered:
    """The log odds of texts, computed many at a time. When there would be more than `most`, all are forgotten."""

    def __init__(self, log_odds: Callable[[Sequence[str]], np.ndarray], *, most: int) -> None:
        self._log_odds = log_odds
        self._most = most
        self._known: dict[str, float] = {}

    def of(self, texts: Iterable[str]) -> Mapping[str, float]:
        """Return what is known, of these texts at least."""
        wanted, known = dict.fromkeys(texts), self._known
        new = [text for text in wanted if text not in known]
        if len(known) + len(new) > self._most:
            new, known = list(wanted), {}
            self._known = known
        if new:
            known.update(zip(new, self._log_odds(new).tolist(), strict=True))
        return known


def classifying_rule() -> RefusalRule:
    """Return the built-in rule with the classifier for what it does not find."""
    return RefusalRule("built in, with sentence embeddings", judged)


def judged(answers: Sequence[str]) -> list[Judgement]:
    """Return what answers are: what the rules say, and a refusal too if the classifier is sure and knows the language.

    Where the rules found words that refuse, they have the last word: they have read what follows.
    """
    judgements: dict[str, Judgement] = {}
    undecided: list[str] = []
    for answer in dict.fromkeys(answers):
        judgements[answer] = by_rules = judged_by_rules(answer)
        if by_rules.label == "answer" and not by_rules.caveat and _is_of_its_kind(answer):
            undecided.append(answer)
    judgements |= {answer: Judgement("refusal", answer[:_SHOWN]) for answer in _refusing(undecided)}
    return [judgements[answer] for answer in answers]


def words_looked_at(answer: str) -> list[str]:
    """Return the words by which an answer is estimated."""
    return words(answer[:LOOKED_AT])


def estimates(answers: Sequence[str]) -> list[float]:
    """Return what the words of each answer make of the log odds that it is a refusal: infinite if there are none."""
    spoken = list(map(words_looked_at, answers))
    known = _words().of(itertools.chain.from_iterable(spoken))
    return [sum(known[word] for word in each) / len(each) if each else math.inf for each in spoken]


@cache
def classifiers() -> Classifiers:
    """Return the classifiers of `refusal_classifier.json` in this package."""
    text = resources.files("beacon_cli.comparison").joinpath("refusal_classifier.json").read_text(encoding="utf-8")
    stored = json.loads(text)
    return Classifiers(_classifier(stored), _classifier(stored["words"]))


def _classifier(stored: Mapping[str, Any]) -> Classifier:
    return Classifier(np.array(stored["weights"]), stored["bias"], stored["threshold"])


def _is_of_its_kind(answer: str) -> bool:
    return len(answer) <= _LONGEST and language_of(answer) in LANGUAGES


def _refusing(answers: Sequence[str]) -> Iterator[str]:
    """Yield those of which the classifier is sure that they are refusals."""
    text, word = classifiers().text, classifiers().word
    near = [answer for answer, estimate in zip(answers, estimates(answers), strict=True) if estimate > word.least]
    known = _texts().of(answer[:LOOKED_AT] for answer in near)
    yield from (answer for answer in near if known[answer[:LOOKED_AT]] > text.least)


@cache
def _texts() -> Remembered:
    return Remembered(classifiers().text.log_odds, most=_TEXTS_KEPT)


@cache
def _words() -> Remembered:
    return Remembered(classifiers().word.log_odds, most=_WORDS_KEPT)
