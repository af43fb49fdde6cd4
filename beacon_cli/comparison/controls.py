"""The controls of a job: regions that are asked everything in a second arm.

Both arms are asked the same, in the same region, at the same time. What differs between them is the work of chance,
load and time, so the tests of regions are made between them as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from beacon_cli.comparison.distance import Measure
from beacon_cli.comparison.figures import GroupFigures, Tallies, merged
from beacon_cli.comparison.judging import Judging
from beacon_cli.comparison.pooled import Pooled
from beacon_cli.comparison.refusal import Judgement
from beacon_cli.comparison.reply import Reply
from beacon_cli.comparison.verdicts import DIFFERENT, Judged, Subject, Terms
from beacon_cli.console.formatting import arm_label, p_text, quantity
from beacon_cli.console.printable import excerpt
from beacon_cli.records.stored_answer import StoredExecution

ControlName = tuple[str, str]
"""A job's id and a region's label."""

_DIFFERING = DIFFERENT | {"deterministic_different"}


@dataclass(frozen=True, slots=True)
class Control:
    """What differs between the two arms of a region: the tests of each question and model, and of all together.

    `p_value` sums up all of them, corrected for their number and that of the controls; None if there was nothing to
    test. `different` says that it is at most the rate. `figures` are of the second arm.
    """

    job_id: str
    region: str
    pooled: Pooled | None
    results: tuple[Judged, ...]
    figures: GroupFigures
    p_value: float | None = None
    different: bool = False

    @property
    def differing(self) -> tuple[Judged, ...]:
        """The results that say that the arms differ, with or without a p-value."""
        return tuple(result for result in self.results if result.verdict in _DIFFERING)

    @property
    def p_values(self) -> tuple[float, ...]:
        """The p-value of all questions together, and that of the hypothesis that none of them differs.

        The smallest p-value that Benjamini and Hochberg correct is the p-value of Simes (1986) for the latter.
        """
        corrected = [result.least_q_value for result in self.results if result.least_q_value is not None]
        return (*([self.pooled.p_value] if self.pooled else []), *([min(corrected)] if corrected else []))

    def summary(self) -> dict[str, Any]:
        """Return what it shows, without the tests of single questions, as a JSON object."""
        return {
            "job_id": self.job_id,
            "region": self.region,
            "different": self.different,
            "p_value": self.p_value,
            "results_different": len(self.differing),
        }

    @property
    def _counted(self) -> str:
        return f"{len(self.differing)} of {quantity(len(self.results), 'result')}"

    def line(self) -> str:
        """Return it for people."""
        name = f"control {excerpt(self.region, 40)}"
        if not self.results:
            return f"{name}: no answers yet"
        together = f", p {p_text(self.p_value)} of all tests together" if self.p_value is not None else ""
        told = f"{name}: {self._counted} {'differs' if len(self.differing) == 1 else 'differ'}{together}"
        if self.different:
            return f"{told}: more than chance; something besides the region changes answers"
        return f"{told}; that is what chance, load and time do alone"

    def finding(self) -> str:
        """Return what is wrong, if the arms differ."""
        found = f"p {p_text(self.p_value or 0.0)}; {self._counted}"
        return (
            f"{excerpt(self.region, 40)} and its control differ ({found}): the same was asked there twice,"
            " so something besides the region changes answers"
        )


@dataclass(slots=True)
class _Arms:
    """The tests of one control, and the replies to the question that is being read, by model."""

    judging: Judging
    second: Tallies = field(default_factory=Tallies)
    replies: dict[str, list[Reply]] = field(default_factory=dict)


class ControlTests:
    """Tests the two arms of each control, question by question; only one question's answers are kept.

    Each arm has seeds of its own, so that no answers are paired. `subjects` is about the number of questions and
    models.
    """

    def __init__(self, controls: Iterable[ControlName], measure: Measure, *, subjects: int, terms: Terms) -> None:
        self._rate = terms.rate
        self._arms = {name: _Arms(Judging(measure, subjects=subjects, terms=terms)) for name in controls}

    def add(self, execution: StoredExecution, reply: Reply | None, judged: Judgement | None, *, length: int) -> None:
        """Take an execution, if it belongs to a control; the rest is what became of it."""
        arms = self._arms.get((execution.job_id, execution.region))
        if arms is None:
            return
        if execution.arm:
            arms.second.of(execution.region, execution.model_id).add(execution, judged, length=length)
        if reply is not None:
            of_model = arms.replies.setdefault(execution.model_id, [])
            of_model.append(replace(reply, group=arm_label(execution.region, execution.arm)))

    def end_of(self, question_id: str) -> None:
        """Test what was added since the last call: answers to this question, of each model."""
        for (_, region), arms in self._arms.items():
            for model_id, replies in arms.replies.items():
                arms.judging.add(Subject(question_id, model_id, region), replies)
            arms.replies = {}

    def result(self) -> tuple[Control, ...]:
        """Return what the controls show."""
        return tuple(_corrected(list(self._found()), self._rate))

    def _found(self) -> Iterator[Control]:
        for (job_id, region), arms in self._arms.items():
            judgement = arms.judging.result()
            second = arms.second.figures().get(region, GroupFigures(merged(()), {}))
            yield Control(job_id, region, judgement.pooled, judgement.results, second)


def _corrected(controls: list[Control], rate: float) -> Iterator[Control]:
    tests = sum(len(control.p_values) for control in controls)
    for control in controls:
        p_value = min((min(1.0, tests * each) for each in control.p_values), default=None)
        yield replace(control, p_value=p_value, different=p_value is not None and p_value <= rate)
