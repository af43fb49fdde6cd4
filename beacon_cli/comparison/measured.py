"""What is computed from the replies to one question, before the verdicts on all questions are known."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from beacon_cli.comparison.apart import PairNames
from beacon_cli.comparison.difference import Difference, difference
from beacon_cli.comparison.distance import Measure, distances
from beacon_cli.comparison.exchange import Tested, exchange_test
from beacon_cli.comparison.layout import Layout, Sample
from beacon_cli.comparison.pooled import Pool, Tag
from beacon_cli.comparison.reply import Outcome, Reply, counted
from beacon_cli.design.shapes import MOST_ANSWERS

PAIR_EXCHANGES = 1_999
"""The number of exchanges by which each two groups are compared, once all groups together differ, at least."""

_SHARP = 20  # exchanges of a pair that may be as extreme, so that its p-value is still as small as the rate


@dataclass(slots=True)
class GroupTest:
    """A test of all groups that counts among the tests of the comparison.

    `pairs` has the p-value of each two groups, if that of all groups is at most the rate. `again` are the answers, if
    more exchanges could give a smaller p-value. `q_value` is set once all tests are known.
    """

    found: Tested
    pairs: Mapping[PairNames, float]
    again: Layout | None
    q_value: float = math.nan


@dataclass(frozen=True, slots=True)
class Measured:
    """The tests of a subject: of its texts and of its outcomes, each None if there is nothing to test.

    `reason` says why texts are not tested. `silent` are the groups that answered without any text where others gave
    some. `distances` are those between each two groups, where each has a single text.
    """

    counts: Mapping[str, Mapping[Outcome, int]]
    difference: Difference | None
    reason: str
    texts: GroupTest | None
    outcomes: GroupTest | None
    distances: Mapping[PairNames, float]

    @property
    def tests(self) -> tuple[GroupTest, ...]:
        """The tests that there are."""
        return tuple(test for test in (self.texts, self.outcomes) if test)

    @property
    def answers(self) -> dict[str, int]:
        """The number of answers with text of each group."""
        return {group: counts.get("answered", 0) + counts.get("refused", 0) for group, counts in self.counts.items()}

    @property
    def silent(self) -> tuple[str, ...]:
        """The groups that answered, but never with a text, where another one gave some."""
        answers = self.answers
        if not any(answers.values()):
            return ()
        return tuple(
            group
            for group, counts in self.counts.items()
            if not answers[group] and counts.get("empty", 0) + counts.get("blocked", 0)
        )


@dataclass(frozen=True, slots=True)
class Measuring:
    """Tests subjects one by one: with the same measure, at the same rate, with so many exchanges."""

    measure: Measure
    rate: float
    exchanges: int
    paired: bool
    pool: Pool

    def measured(self, replies: Sequence[Reply], tags: Sequence[Tag] = ()) -> Measured:
        """Return the tests of a subject, and add its answers to those of the whole job, and of the question's tags."""
        kept = _first(replies)
        everything = self._sample(kept, [reply.text or reply.outcome for reply in kept], self._distances(kept))
        self.pool.add(everything.only([place for place, reply in enumerate(kept) if reply.outcome != "failed"]), tags)
        texts = everything.only([place for place, reply in enumerate(kept) if reply.has_text])
        found, reason = self._difference(texts)
        return Measured(
            counts=counted(replies),
            difference=found,
            reason=reason,
            texts=self._group_test(texts, found.test) if found and found.test and not reason else None,
            outcomes=self._outcomes(kept),
            distances=_single_distances(texts),
        )

    def _sample(self, replies: Sequence[Reply], contents: Sequence[str], apart: np.ndarray) -> Sample:
        groups, repeats = [reply.group for reply in replies], [reply.repeat for reply in replies]
        return Sample(groups, repeats, contents, apart, self.paired)

    def _distances(self, replies: Sequence[Reply]) -> np.ndarray:
        """Return the distances between replies: of texts by the measure; what has none is 1 from all but its like."""
        apart = _unlike(["" if reply.has_text else reply.outcome for reply in replies])
        with_text = [place for place, reply in enumerate(replies) if reply.has_text]
        apart[np.ix_(with_text, with_text)] = distances([replies[place].text for place in with_text], self.measure)
        return apart

    def _difference(self, texts: Sample) -> tuple[Difference | None, str]:
        """Return the difference of texts, and why it is not tested, if so."""
        names = texts.names
        if len(names) < 2:
            return None, f"answers of {names[0]} only" if names else "no answer"
        if max(map(list(texts.groups).count, names)) < 2:
            return None, "one answer each, so the differences inside one are unknown"
        found = difference(texts.laid_out(), exchanges=self.exchanges)
        if found.test is None:
            return found, "no noise: answers inside each are identical, but answers of different ones are not"
        if found.test.least_p_value > self.rate:
            return found, f"too few answers: no p-value below {found.test.least_p_value:.2g} is possible"
        return found, ""

    def _outcomes(self, replies: Sequence[Reply]) -> GroupTest | None:
        """Return the test of what became of the cells; None if there is nothing to test.

        That is so if the same became of all, and if nothing shows any noise: the repeats of a region may be copies of
        one answer, as at temperature 0, and then they say no more than one does.
        """
        outcomes = [reply.outcome for reply in replies]
        groups = {reply.group for reply in replies}
        contents = {(reply.group, reply.outcome, reply.text) for reply in replies}
        if len(set(outcomes)) < 2 or len(groups) < 2 or len(contents) == len(groups):
            return None
        sample = self._sample(replies, outcomes, _unlike(outcomes))
        found = exchange_test(sample.laid_out(), self.exchanges)
        return None if found.least_p_value > self.rate else self._group_test(sample, found)

    def _group_test(self, sample: Sample, found: Tested) -> GroupTest:
        again = sample.laid_out() if found.unmatched else None
        if found.p_value > self.rate:
            return GroupTest(found, {}, again)
        pairs = itertools.combinations(sample.names, 2)
        exchanges = max(PAIR_EXCHANGES, min(math.ceil(_SHARP / self.rate), self.exchanges))
        p_values = {pair: exchange_test(sample.of(pair).laid_out(), exchanges).p_value for pair in pairs}
        return GroupTest(found, p_values, again)


def _single_distances(texts: Sample) -> dict[PairNames, float]:
    """Return the distance between each two groups, if each has a single text."""
    if len(texts.names) < len(texts.groups):
        return {}
    pairs = itertools.combinations(range(len(texts.groups)), 2)
    return {(texts.groups[one], texts.groups[other]): float(texts.distances[one, other]) for one, other in pairs}


def _unlike(names: Sequence[str]) -> np.ndarray:
    """Return 1 for each two that are not the same."""
    numbers = np.unique(names, return_inverse=True)[1] if names else np.zeros(0)
    return np.not_equal.outer(numbers, numbers).astype(float)


def _first(replies: Sequence[Reply]) -> list[Reply]:
    """Return the first replies of each group."""
    kept: dict[str, list[Reply]] = {}
    for reply in replies:
        kept.setdefault(reply.group, []).append(reply)
    return [reply for mine in kept.values() for reply in mine[:MOST_ANSWERS]]
