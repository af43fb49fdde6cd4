"""Answers by group, as the tests of the statistics need them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np

from beacon_cli.comparison.difference import Difference, difference
from beacon_cli.comparison.distance import Measure, distances
from beacon_cli.comparison.exchange import EXCHANGES, Tested
from beacon_cli.comparison.layout import Sample
from beacon_cli.comparison.lexical import lexical
from beacon_cli.comparison.reply import OUTCOMES, Reply

WORDS = [f"w{number}" for number in range(60)]


def texts(chance: random.Random, count: int, shift: float = 0.0) -> list[str]:
    """Return answers of 30 words, a share `shift` of which comes from words of their own."""
    return [
        " ".join(chance.choice(WORDS[30:] if chance.random() < shift else WORDS[:30]) for _ in range(30))
        for _ in range(count)
    ]


def sample(answers: Mapping[str, Sequence[str]], measure: Measure = lexical, *, paired: bool = False) -> Sample:
    """Return a sample of the answers of each group, in the order of the repeats."""
    groups = [name for name, mine in answers.items() for _ in mine]
    contents = [text for mine in answers.values() for text in mine]
    repeats = [repeat for mine in answers.values() for repeat in range(len(mine))]
    return Sample(groups, repeats, contents, distances(contents, measure), paired)


def difference_of(
    answers: Mapping[str, Sequence[str]],
    measure: Measure = lexical,
    *,
    paired: bool = False,
    exchanges: int = EXCHANGES,
) -> Difference:
    """Return the test of answers by group."""
    return difference(sample(answers, measure, paired=paired).laid_out(), exchanges=exchanges)


def p_value(found: Difference) -> float:
    """Return the p-value of a difference that was tested."""
    return exchanged_of(found).p_value


def exchanged_of(found: Difference) -> Tested:
    """Return the test of a difference, if it was tested."""
    assert found.test is not None
    return found.test


def numbers(values: Sequence[str]) -> np.ndarray:
    """Measure answers that are numbers: they are as far apart as they differ."""
    found: np.ndarray = np.abs(np.subtract.outer(np.array(values, dtype=float), np.array(values, dtype=float)))
    return found


def replies(answers: Mapping[str, Sequence[str]]) -> list[Reply]:
    """Return replies by group: `refused`, `empty`, `blocked` and `failed` are outcomes, everything else is a text."""
    return [_reply(group, repeat, each) for group, mine in answers.items() for repeat, each in enumerate(mine)]


def _reply(group: str, repeat: int, given: str) -> Reply:
    for outcome in OUTCOMES:
        if given == outcome:
            return Reply(group, repeat, outcome, "I cannot say." if outcome == "refused" else "")
    return Reply(group, repeat, "answered", given)
