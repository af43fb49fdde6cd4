"""The verdicts of a comparison, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from beacon_cli.comparison.apart import PairNames
from beacon_cli.comparison.difference import Difference
from beacon_cli.comparison.pooled import Pooled, Tag
from beacon_cli.comparison.reply import Outcome
from beacon_cli.job.analysis import FALSE_DISCOVERY_RATE

Verdict = Literal[
    "different",
    "no_text",
    "deterministic_different",
    "not_shown",
    "equivalent",
    "deterministic_equal",
    "untestable",
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


def spoken(verdict: Verdict) -> str:
    """Return a verdict as people read it."""
    return verdict.replace("_", " ")


DIFFERENT: frozenset[Verdict] = frozenset({"different", "no_text"})
"""The verdicts that `--fail-on different` fails on."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tested: a question and a model, a question and a region if models are compared, or all three if jobs are
    compared."""

    question_id: str
    model_id: str | None
    region: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which it is shown: the question's, and those of what it is tested inside."""
        return tuple(name for name in (self.question_id, self.model_id, self.region) if name is not None)

    @property
    def inside(self) -> str:
        """What a question is tested inside: a model, or a region if models are compared."""
        return (self.model_id if self.model_id is not None else self.region) or ""


@dataclass(frozen=True, slots=True)
class OutcomeTest:
    """The test of what became of a subject's cells."""

    p_value: float
    q_value: float


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a subject.

    `answers` counts the answers with text of each group, `outcomes` everything that became of its cells. `q_value` is
    the p-value of the texts, corrected for the number of tests. `apart` are the groups that stand apart from the rest;
    where pairs of groups cannot show it, `most_apart` is the one that is furthest from them: by its texts, or by its
    outcomes, whichever differ more clearly. `detectable` is the smallest effect that would have been found in 80 % of
    the cases. `reason` says why there is no p-value, or what else a reader should know. `distances` has the mean
    distance of each two groups where there is one answer each, so that no effect can be told.
    """

    subject: Subject
    answers: Mapping[str, int]
    verdict: Verdict
    reason: str
    difference: Difference | None
    q_value: float | None
    outcomes: Mapping[str, Mapping[Outcome, int]] = field(default_factory=dict)
    outcome_test: OutcomeTest | None = None
    apart: tuple[str, ...] = ()
    most_apart: str | None = None
    detectable: float | None = None
    distances: Mapping[PairNames, float] = field(default_factory=dict)

    @property
    def between(self) -> float | None:
        """The mean distance between groups; None if fewer than two have a text."""
        if self.difference:
            return self.difference.between
        return sum(self.distances.values()) / len(self.distances) if self.distances else None

    @property
    def least_q_value(self) -> float | None:
        """The smaller corrected p-value of the tests that there are."""
        q_values = (self.q_value, self.outcome_test.q_value if self.outcome_test else None)
        return min((q_value for q_value in q_values if q_value is not None), default=None)

    @property
    def effect(self) -> float:
        """The effect; 0 where there is none to measure."""
        return self.difference.effect if self.difference else 0.0


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms verdicts are given: the rate of false discoveries, and the margin inside which regions count as
    equivalent (in units of the effect; None if there is no such verdict)."""

    rate: float = FALSE_DISCOVERY_RATE
    margin: float | None = None


DEFAULT_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts on all subjects, and the test of the whole job (None if there was nothing to test).

    `pooled_by_tag` has the same test of the questions with each tag, if tags were given.
    """

    results: tuple[Judged, ...]
    pooled: Pooled | None
    pooled_by_tag: Mapping[Tag, Pooled] = field(default_factory=dict)
