"""The verdict of every test of a comparison, with a bound on the false discoveries among them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from beacon_cli.comparison.arrangements import distinct_count, together_share
from beacon_cli.comparison.difference import EXCHANGES, Difference, difference
from beacon_cli.comparison.distance import Measure

Verdict = Literal["different", "indistinguishable", "untestable"]
VERDICTS: tuple[Verdict, ...] = ("different", "indistinguishable", "untestable")

FALSE_DISCOVERY_RATE = 0.05
"""The share of `different` verdicts, over all tests of a comparison, that may be wrong."""

MOST_ANSWERS = 100
"""The number of answers of each group that are tested, the first ones: more would take long and find little more."""

_MOST_EXCHANGES = 99_999
_LONE = 2  # exchanges that may be as extreme, so that a single p-value is still below the corrected rate


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tested: a question and a model, and also a region if jobs are compared."""

    question_id: str
    model_id: str
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a subject. `answers` counts the answers of each group; `q_value` is the p-value, corrected for the
    number of tests; `reason` says why there is none, or what else a reader should know."""

    subject: Subject
    answers: Mapping[str, int]
    verdict: Verdict
    reason: str
    difference: Difference | None
    q_value: float | None


@dataclass(frozen=True, slots=True)
class _Measured:
    answers: Mapping[str, int]
    difference: Difference | None
    reason: str

    @property
    def p_value(self) -> float | None:
        return self.difference.p_value if self.difference and not self.reason else None


def judged(
    answers: Iterable[tuple[Subject, Mapping[str, Sequence[str]]]],
    measure: Measure,
    *,
    subjects: int,
    rate: float = FALSE_DISCOVERY_RATE,
) -> list[Judged]:
    """Return the verdict on each subject, given its answers by group.

    The p-values are corrected together with the procedure of Benjamini and Hochberg (1995). Only one subject's answers
    are in memory at a time.
    """
    exchanges = min(max(EXCHANGES, math.ceil(_LONE * subjects / rate)), _MOST_EXCHANGES)
    found = [(subject, _measured(groups, measure, rate, exchanges)) for subject, groups in answers]
    p_values = [measured.p_value for _, measured in found if measured.p_value is not None]
    q_values = iter(_q_values(p_values))
    return [
        _judgement(subject, measured, None if measured.p_value is None else next(q_values), rate, len(p_values))
        for subject, measured in found
    ]


def _q_values(p_values: Sequence[float]) -> list[float]:
    """Return each p-value as the smallest false discovery rate at which it would count as a discovery."""
    order = np.argsort(p_values)
    scaled = np.asarray(p_values)[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    q_values = np.empty(len(p_values))
    q_values[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return [float(value) for value in q_values]


def _measured(groups: Mapping[str, Sequence[str]], measure: Measure, rate: float, exchanges: int) -> _Measured:
    """Return the test of one subject, and why it shows nothing, if so."""
    counts = {name: len(texts) for name, texts in groups.items()}
    answered = {name: texts for name, texts in groups.items() if texts}
    if len(answered) < 2:
        return _Measured(counts, None, f"answers of {next(iter(answered))} only" if answered else "no answer")
    if max(map(len, answered.values())) < 2:
        return _Measured(counts, None, "one answer each, so the differences inside one are unknown")
    found = difference({name: texts[:MOST_ANSWERS] for name, texts in answered.items()}, measure, exchanges=exchanges)
    reason = ""
    if found.p_value is None:
        reason = "no noise: answers inside each are identical, but answers of different ones are not"
    elif found.least_p_value > rate:
        reason = f"too few answers: no p-value below {found.least_p_value:.2g} is possible"
    return _Measured(counts, found, reason)


def _judgement(subject: Subject, measured: _Measured, q_value: float | None, rate: float, tests: int) -> Judged:
    found = measured.difference
    if q_value is None or found is None:
        return Judged(subject, measured.answers, "untestable", measured.reason, found, None)
    verdict: Verdict = "different" if q_value <= rate else "indistinguishable"
    notes = [_bluntness(measured, rate, tests) if verdict == "indistinguishable" else "", *_notes(measured.answers)]
    return Judged(subject, measured.answers, verdict, "; ".join(filter(None, notes)), found, q_value)


def _notes(answers: Mapping[str, int]) -> Iterator[str]:
    """Yield what else a reader should know of a verdict."""
    if silent := [name for name, count in answers.items() if not count]:
        yield f"without {' and '.join(silent)}: no answer there"
    if max(answers.values()) > MOST_ANSWERS:
        yield f"only the first {MOST_ANSWERS} answers of each were tested"


def _bluntness(measured: _Measured, rate: float, tests: int) -> str:
    """Return why the test could not have shown a single difference, if it could not.

    The smallest p-value must be at most the rate divided by the number of tests.
    """
    found = measured.difference
    if found is None:
        return ""
    sizes = [min(count, MOST_ANSWERS) for count in measured.answers.values() if count]
    if tests > distinct_count(sizes) * rate:
        return f"among {tests} tests, so few answers cannot show a single difference"
    if tests * together_share(sizes) / 2 > rate:
        return f"among {tests} tests, so few answers can hardly show that one group differs"
    if tests * found.least_p_value > rate:
        return f"with {tests} tests, there are too few exchanges to show a single difference"
    return ""
