"""How much of a job is there: expected and actual cells, per model and region."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from beacon_cli.executor.counts import Counts, by_region
from modal_deployment.regions import REGIONS


@dataclass(frozen=True, slots=True)
class LaneCoverage:
    """The cells of a model in a region: expected, with any row, answered once, answered more than once."""

    model_id: str
    region: str
    expected: int
    present: int = 0
    answered: int = 0
    answered_again: int = 0

    @property
    def cells(self) -> Counts:
        """How many cells have an answer, however many."""
        return Counts(self.expected, self.answered + self.answered_again)


@dataclass(frozen=True, slots=True)
class CellGroup:
    """The repeats of one question for one model in one region.

    `expected` counts its cells, `answered` those with exactly one answer, `actual` the answers, `stored` the rows
    of any status; `status` is that of a row without an answer, if there is one.
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
        """How many of its cells have no answer, or more than one."""
        return self.expected - self.answered


@dataclass(frozen=True, slots=True)
class Coverage:
    """The cells of a job. `groups` are all when they are few, else those of the first questions that deviate."""

    lanes: tuple[LaneCoverage, ...]
    groups: tuple[CellGroup, ...] = ()

    @property
    def expected(self) -> int:
        """How many cells there should be."""
        return sum(lane.expected for lane in self.lanes)

    @property
    def present(self) -> int:
        """How many of them have a row."""
        return sum(lane.present for lane in self.lanes)

    @property
    def answered_again(self) -> int:
        """How many have more than one answer."""
        return sum(lane.answered_again for lane in self.lanes)

    @property
    def completed(self) -> int:
        """How many have an answer."""
        return sum(lane.cells.answered for lane in self.lanes)

    @property
    def never_ran(self) -> int:
        """How many have no row at all."""
        return self.expected - self.present

    @property
    def unanswered(self) -> int:
        """How many have rows, and no answer among them."""
        return self.present - self.completed

    @property
    def deviating(self) -> int:
        """How many have no answer, or more than one."""
        return self.expected - sum(lane.answered for lane in self.lanes)

    def expected_questions(self, repeats: int) -> int:
        """Return how many questions the job has."""
        return max((lane.expected // repeats for lane in self.lanes), default=0)

    def by_region(self) -> dict[str, Counts]:
        """Return label → expected and answered cells, in the order of the vocabulary."""
        lanes = sorted(self.lanes, key=lambda lane: _rank(lane.region))
        return by_region((lane.region, lane.cells) for lane in lanes)


def lane_coverage(
    lanes: Iterable[tuple[str, str]], cells_of_a_lane: int, found: Iterable[dict[str, Any]]
) -> tuple[LaneCoverage, ...]:
    """Return each expected lane with what was found of it; a lane without any row was found empty."""
    by_lane = {(entry["model_id"], entry["region"]): entry for entry in found}
    return tuple(
        LaneCoverage(
            **by_lane.get((model_id, region), {"model_id": model_id, "region": region}),
            expected=cells_of_a_lane,
        )
        for model_id, region in lanes
    )


def _rank(label: str) -> tuple[int, str]:
    labels = [region.label for region in REGIONS.values()]
    return (labels.index(label) if label in labels else len(labels), label)
