"""How complete a job is: expected and actual cells, per model and region."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from beacon_cli.executor.counts import Counts, by_region
from beacon_cli.records.expectation import Expectation
from modal_deployment.regions import Regions


@dataclass(frozen=True, slots=True)
class LaneCoverage:
    """The cells of one model in one region: expected, with any row, answered once, more than once, and blocked.

    `arms` is 2 in a control: each of its questions has that many times its repeats.
    """

    model_id: str
    region: str
    expected: int
    present: int = 0
    answered: int = 0
    answered_again: int = 0
    blocked: int = 0
    arms: int = 1

    @property
    def cells(self) -> Counts:
        """How many cells have an answer, however many."""
        return Counts(self.expected, self.answered + self.answered_again, blocked=self.blocked)


@dataclass(frozen=True, slots=True)
class CellGroup:
    """The repeats of one question for one model in one region.

    `expected` is the number of cells, `answered` of cells with exactly one answer, `actual` of answers, `stored` of
    rows with any status. `status` is the status of a row without an answer, with its error code, if there is one.
    """

    question_id: str
    model_id: str
    region: str
    expected: int
    answered: int
    actual: int
    stored: int
    status: str | None

    @property
    def deviating(self) -> int:
        """The number of its cells without an answer, or with more than one."""
        return self.expected - self.answered


@dataclass(frozen=True, slots=True)
class Coverage:
    """The cells of a job. `groups` has all groups if they are few, else those of the first questions that deviate.

    `known` are the regions by which the rows are read.
    """

    known: Regions = field(kw_only=True)
    lanes: tuple[LaneCoverage, ...]
    groups: tuple[CellGroup, ...] = ()

    @property
    def expected(self) -> int:
        """The number of cells that there should be."""
        return sum(lane.expected for lane in self.lanes)

    @property
    def present(self) -> int:
        """The number of cells with a row."""
        return sum(lane.present for lane in self.lanes)

    @property
    def answered_again(self) -> int:
        """The number of cells with more than one answer."""
        return sum(lane.answered_again for lane in self.lanes)

    @property
    def completed(self) -> int:
        """The number of cells with an answer."""
        return sum(lane.cells.answered for lane in self.lanes)

    @property
    def never_ran(self) -> int:
        """The number of cells without any row."""
        return self.expected - self.present

    @property
    def unanswered(self) -> int:
        """The number of cells with rows but no answer."""
        return self.present - self.completed

    @property
    def deviating(self) -> int:
        """The number of cells without an answer, or with more than one."""
        return self.expected - sum(lane.answered for lane in self.lanes)

    def expected_questions(self, repeats: int) -> int:
        """Return the number of questions of the job."""
        return max((lane.expected // (repeats * lane.arms) for lane in self.lanes), default=0)

    @property
    def controls(self) -> tuple[str, ...]:
        """The labels of the regions that are asked in two arms."""
        return tuple(dict.fromkeys(lane.region for lane in self.lanes if lane.arms > 1))

    def by_region(self) -> dict[str, Counts]:
        """Return label → expected and answered cells, in the order of the vocabulary."""
        lanes = sorted(self.lanes, key=lambda lane: self.known.rank(lane.region))
        return by_region((lane.region, lane.cells) for lane in lanes)


def lane_coverage(expected: Expectation, questions: int, found: Iterable[dict[str, Any]]) -> tuple[LaneCoverage, ...]:
    """Return each expected lane with what was found; a lane without rows counts as empty."""
    by_lane = {(entry["model_id"], entry["region"]): entry for entry in found}
    return tuple(
        LaneCoverage(
            **by_lane.get((model_id, region), {"model_id": model_id, "region": region}),
            expected=questions * expected.repeats * expected.arms(region),
            arms=expected.arms(region),
        )
        for model_id, region in expected.lanes or ()
    )
