"""Whether an answer is a refusal, by where its beginning lies among texts: finds refusals in words that no rule knows.

The weights are those of a logistic regression. `scripts/train_refusals.py` makes them, from texts of this repository.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources

import numpy as np

from beacon_cli.comparison.embeddings import LANGUAGES, embeddings
from beacon_cli.comparison.languages import language_of
from beacon_cli.comparison.refusal import Judgement, RefusalRule, judged_by_rules

_LOOKED_AT = 300  # characters from the start of an answer
_LONGEST = 800  # characters: a longer text says something after it has refused, so it is none
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Classifier:
    """Weights of an embedding's dimensions, what is added, and the probability above which a text is a refusal."""

    weights: np.ndarray
    bias: float
    threshold: float

    def probabilities(self, answers: Sequence[str]) -> np.ndarray:
        """Return how probable it is that each answer is a refusal."""
        points = embeddings([answer[:_LOOKED_AT] for answer in answers])
        return np.array(1 / (1 + np.exp(-(points @ self.weights + self.bias))))


def classifying_rule() -> RefusalRule:
    """Return the built-in rule with the classifier for what it does not find."""
    return RefusalRule("built in, with sentence embeddings", judged)


def judged(answer: str) -> Judgement:
    """Return what an answer is: what the rules say, and a refusal too if the classifier is sure and knows the language.

    Where the rules found words that refuse, they have the last word: they have read what follows.
    """
    by_rules = judged_by_rules(answer)
    if by_rules.label != "answer" or by_rules.caveat or len(answer) > _LONGEST or language_of(answer) not in LANGUAGES:
        return by_rules
    return Judgement("refusal", answer[:_SHOWN]) if _is_sure(answer) else by_rules


@lru_cache(maxsize=4096)  # short answers are often the same
def _is_sure(answer: str) -> bool:
    return bool(classifier().probabilities([answer])[0] > classifier().threshold)


@cache
def classifier() -> Classifier:
    """Return the classifier of `refusal_classifier.json` in this package."""
    text = resources.files("beacon_cli.comparison").joinpath("refusal_classifier.json").read_text(encoding="utf-8")
    stored = json.loads(text)
    return Classifier(np.array(stored["weights"]), stored["bias"], stored["threshold"])
