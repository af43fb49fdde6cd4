"""What the first look at an answer's words leaves out, and how far that is from a refusal."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from beacon_cli.comparison.embeddings import LANGUAGES
from beacon_cli.comparison.refusal_classifier import LOOKED_AT, classifiers, estimates
from benchmarks.calibration.sources import BLOCKED, KINDS
from benchmarks.refusals.texts import HELD_OUT, HELD_OUT_LATER, TRAINING, examples, joined


@dataclass(frozen=True, slots=True)
class FirstLook:
    """How many texts there were; how many of them the classifier takes for refusals, and the lowest probability that
    the first look estimates for one; how many it leaves out, and the highest probability of one; how many refusals it
    leaves out."""

    texts: int
    refusals: int
    lowest_refusal: float
    left_out: int
    highest_left_out: float
    lost: int


def first_look(texts: Sequence[str]) -> FirstLook:
    """Return what is left out of these texts."""
    text, word = classifiers().text, classifiers().word
    odds, estimated = text.log_odds([each[:LOOKED_AT] for each in texts]), np.array(estimates(texts))
    refuses, out = odds > text.least, estimated <= word.least
    return FirstLook(
        texts=len(texts),
        refusals=int(refuses.sum()),
        lowest_refusal=float(expit(estimated[refuses].min())),
        left_out=int(out.sum()),
        highest_left_out=float(expit(odds[out].max())),
        lost=int((refuses & out).sum()),
    )


def written(of_each: int) -> Iterator[str]:
    """Yield the texts that were written to train and to measure, and so many of each order that joins them."""
    for path in (TRAINING, HELD_OUT, HELD_OUT_LATER):
        some = [example for example in examples(path) if example.language in LANGUAGES]
        yield from (example.text for example in some)
        yield from joined(some, of_each)


def simulated(questions: int) -> Iterator[str]:
    """Yield answers to so many questions of each kind in the calibration, as usual and with what is planted."""
    for kind in KINDS.values():
        chance = random.Random(1)
        for _ in range(questions):
            question = kind(chance)
            answers = [source.answer(chance) for source in (question.usual, question.planted(1.0)) for _ in range(5)]
            yield from (answer for answer in dict.fromkeys(answers) if answer and answer != BLOCKED)
