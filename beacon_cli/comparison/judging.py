"""Gives the verdicts: tests every subject, corrects for the number of tests, and names the groups that stand apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from beacon_cli.comparison.apart import corrected, standing_apart
from beacon_cli.comparison.difference import Difference
from beacon_cli.comparison.discoveries import discovery_rates
from beacon_cli.comparison.distance import Measure
from beacon_cli.comparison.exchange import EXCHANGES, tested_again
from beacon_cli.comparison.measured import GroupTest, Measured, Measuring
from beacon_cli.comparison.pooled import Pool, Tag
from beacon_cli.comparison.reply import Outcome, Reply
from beacon_cli.comparison.sensitivity import detectable
from beacon_cli.comparison.verdicts import DEFAULT_TERMS, Judged, Judgement, OutcomeTest, Subject, Terms, Verdict
from beacon_cli.console.printable import excerpt
from beacon_cli.design.shapes import MOST_ANSWERS, MOST_EXCHANGES, Bluntness, bluntness

_LONE = 2  # exchanges that may be as extreme, so that a single p-value is still below the corrected rate
_BLUNT: Mapping[Bluntness, str] = {
    "few answers": "among {} tests, so few answers cannot show a single difference",
    "one group": "among {} tests, so few answers can hardly show that one group differs",
    "few exchanges": "with {} tests, there are too few exchanges to show a single difference",
}
_PARTS = 4  # p-values of a subject at most: two tests of two parts
_LEAST_REPEATS = 2  # of each group, so that equal repeats say something


def judged(
    answers: Iterable[tuple[Subject, Sequence[Reply]]],
    measure: Measure,
    *,
    subjects: int,
    paired: bool = False,
    terms: Terms = DEFAULT_TERMS,
    tags: Mapping[str, Sequence[Tag]] | None = None,
) -> Judgement:
    """Return the verdict on each subject, given what became of its cells, and the test of the whole job.

    The p-values of all tests, of texts and of outcomes, are corrected together with the procedure of Benjamini and
    Hochberg (1995). Only one subject's answers are in memory at a time. `subjects` is about their number. With
    `paired`, the answers of one repeat have the same seed in every group. `tags` are those of the questions, by id, if
    the whole job is to be tested tag by tag as well.
    """
    names = {tag for mine in (tags or {}).values() for tag in mine}
    judging = Judging(measure, subjects=subjects, paired=paired, terms=terms, tags=len(names))
    for subject, replies in answers:
        judging.add(subject, replies, (tags or {}).get(subject.question_id, ()))
    return judging.result()


class Judging:
    """Judges subjects as `judged` does, but takes them one by one; `tags` is how many different ones they have."""

    def __init__(
        self, measure: Measure, *, subjects: int, paired: bool = False, terms: Terms = DEFAULT_TERMS, tags: int = 0
    ) -> None:
        self._terms = terms
        self._pool = Pool(terms.rate, tags=tags)
        exchanges = _exchanges(1, terms.rate)
        self._measuring = Measuring(measure, terms.rate, exchanges, paired, self._pool)
        most = math.ceil(_PARTS * subjects / (terms.rate * (exchanges + 1)))
        self._unmatched = _Unmatched(exchanges, most=most)
        self._found: list[tuple[Subject, Measured]] = []

    def add(self, subject: Subject, replies: Sequence[Reply], tags: Sequence[Tag] = ()) -> None:
        """Test a subject, given what became of its cells."""
        self._found.append((subject, self._measuring.measured(replies, tags)))
        self._unmatched.add(self._found[-1][1])

    def result(self) -> Judgement:
        """Return the verdict on each subject, and the test of all together."""
        rate = self._terms.rate
        tests = [test for _, measured in self._found for test in measured.tests]
        self._unmatched.test_again(_exchanges(len(tests), rate))
        for test, q_value in zip(tests, discovery_rates([test.found.p_value for test in tests]), strict=True):
            test.q_value = q_value
        family = _Family(self._terms, [test.q_value for test in tests])
        results = tuple(family.judged(subject, measured) for subject, measured in self._found)
        return Judgement(results, self._pool.result(), self._pool.by_tag())


def _exchanges(tests: int, rate: float) -> int:
    """Return how many random exchanges let a single p-value be small enough among so many tests."""
    return min(max(EXCHANGES, math.ceil(_LONE * 2 * tests / rate)), MOST_EXCHANGES)


class _Unmatched:
    """Tests of which none of the `exchanges` was as extreme as the real labels: more can give a smaller p-value.

    That matters only while they are few: if there are more than `most`, each counts as a discovery as it is.
    """

    def __init__(self, exchanges: int, *, most: int) -> None:
        self._exchanges = exchanges
        self._most = most
        self._tests: list[GroupTest] = []
        self._many = False

    def add(self, measured: Measured) -> None:
        """Keep a subject's tests with their answers, if that matters."""
        self._tests += [test for test in measured.tests if test.again]
        self._many = self._many or len(self._tests) > self._most
        if self._many:
            for test in self._tests:
                test.again = None
            self._tests = []

    def test_again(self, exchanges: int) -> None:
        """Test them with so many exchanges."""
        for test in self._tests:
            if test.again and exchanges > self._exchanges:
                test.found = tested_again(test.found, test.again, exchanges)


class _Family:
    """All tests of a comparison, given their corrected p-values."""

    def __init__(self, terms: Terms, q_values: Sequence[float]) -> None:
        self._terms = terms
        self._tests = len(q_values)
        self._level = terms.rate * sum(each <= terms.rate for each in q_values) / max(1, len(q_values))

    def judged(self, subject: Subject, measured: Measured) -> Judged:
        """Return the verdict on a subject."""
        found, outcomes = measured.difference, measured.outcomes
        discoveries = [test for test in measured.tests if self._found(test)]
        verdict = self._verdict(measured, different=bool(discoveries))
        apart, most_apart = measured.silent, None
        if verdict == "different":
            first = min(discoveries, key=lambda test: test.q_value)
            apart = self._apart(first)
            most_apart = found.most_apart if found and first is measured.texts else _most_unlike(measured.counts)
        return Judged(
            subject=subject,
            answers=measured.answers,
            verdict=verdict,
            reason="; ".join(filter(None, self._notes(verdict, measured))),
            difference=_consistent(found, measured.texts, self._terms.rate) if found and measured.texts else found,
            q_value=measured.texts.q_value if measured.texts else None,
            outcomes=measured.counts,
            outcome_test=OutcomeTest(outcomes.found.p_value, outcomes.q_value) if outcomes else None,
            apart=apart,
            most_apart=most_apart,
            detectable=detectable(found, self._terms.rate / self._tests) if found and verdict == "not_shown" else None,
            distances=measured.distances,
        )

    def _verdict(self, measured: Measured, *, different: bool) -> Verdict:
        found = measured.difference
        if measured.silent:
            return "no_text"
        if different:
            return "different"
        if found and found.noiseless and min(filter(None, measured.answers.values())) >= _LEAST_REPEATS:
            return "deterministic_equal" if found.equal else "deterministic_different"
        if found is None or measured.texts is None:
            return "untestable"
        return "equivalent" if self._within_margin(found) else "not_shown"

    def _found(self, test: GroupTest | None) -> bool:
        """Return whether a test is a discovery."""
        return test is not None and test.q_value <= self._terms.rate

    def _within_margin(self, found: Difference) -> bool:
        return self._terms.margin is not None and found.upper is not None and found.upper < self._terms.margin

    def _apart(self, test: GroupTest) -> tuple[str, ...]:
        """Return the groups that differ from the others, by the pairs of groups, corrected for their number.

        Pairs are tested at the level at which the test of all groups was a discovery (Benjamini and Bogomolov, 2014).
        """
        names = list(dict.fromkeys(name for pair in test.pairs for name in pair))
        pairs = corrected(test.pairs, len(names), test.found.p_value)
        return standing_apart(names, [pair for pair, p_value in pairs.items() if p_value <= self._level])

    def _notes(self, verdict: Verdict, measured: Measured) -> Iterator[str]:
        """Yield why there is no p-value, or what else a reader should know of a verdict."""
        if verdict in ("untestable", "deterministic_different"):
            yield measured.reason
        if verdict == "no_text":
            yield f"no text from {_outcomes(measured.counts, measured.silent)}"
        elif self._found(measured.outcomes):
            yield f"outcomes differ: {_outcomes(measured.counts, tuple(measured.counts))}"
        if verdict == "not_shown":
            yield self._bluntness(measured)
        if verdict == "equivalent" and measured.outcomes:
            yield "the texts are equivalent; the margin says nothing of outcomes"
        only_texts = self._found(measured.texts) and not self._found(measured.outcomes)
        if only_texts and measured.difference and self._within_margin(measured.difference):
            yield "different, but within the margin"
        answers = measured.answers
        lost = [name for name, count in answers.items() if not count and name not in measured.silent]
        if lost and any(answers.values()):
            yield f"without {' and '.join(lost)}: no answer there"
        if max(answers.values(), default=0) > MOST_ANSWERS:
            yield f"only the first {MOST_ANSWERS} answers of each were tested"

    def _bluntness(self, measured: Measured) -> str:
        """Return why the test could not have shown a single difference, if it could not."""
        if measured.texts is None:
            return ""
        shapes = [part.shape for part in measured.texts.found.exchanges]
        blunt = bluntness(shapes, tests=self._tests, rate=self._terms.rate)
        return _BLUNT[blunt].format(self._tests) if blunt else ""


def _consistent(found: Difference, texts: GroupTest, rate: float) -> Difference:
    """Return a difference with its final test, and an interval that does not contradict it: 0 is in the interval unless
    the test excludes it.

    The test is valid for any number of answers, the interval only approximately.
    """
    if found.low is None or found.high is None:
        return replace(found, test=texts.found)
    low = max(found.low, 0.0) if texts.q_value <= rate else min(found.low, 0.0)
    return replace(found, test=texts.found, low=low, high=max(found.high, 0.0))


def _most_unlike(counts: Mapping[str, Mapping[Outcome, int]]) -> str:
    """Return the group whose shares of outcomes are furthest from those of the others on average."""
    kinds = list(dict.fromkeys(outcome for mine in counts.values() for outcome in mine))
    shares = {
        group: np.array([mine.get(kind, 0) for kind in kinds]) / max(1, sum(mine.values()))
        for group, mine in counts.items()
    }
    return max(shares, key=lambda group: sum(float(np.abs(shares[group] - other).sum()) for other in shares.values()))


def _outcomes(counts: Mapping[str, Mapping[Outcome, int]], groups: Sequence[str]) -> str:
    """Return `US: 5 answered; ASIA: 1 answered, 4 refused`."""
    told = {group: ", ".join(f"{count} {outcome}" for outcome, count in counts[group].items()) for group in groups}
    return "; ".join(f"{excerpt(group, 40)}: {found}" for group, found in told.items())
