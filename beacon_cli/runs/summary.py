"""The result of a run: the data that `beacon run --json` promises, and its judgement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from beacon_cli.console.long_list import LongList
from beacon_cli.executor.counts import Counts, by_region
from beacon_cli.executor.execution import STATUSES, Batching, Status
from beacon_cli.executor.turns import RegionTroubles
from beacon_cli.job.part import WHOLE, Part
from beacon_cli.runs.asked_again import AskedAgain


@dataclass(frozen=True, slots=True)
class LaneSummary:
    """One model in one region: the number of its cells, and their outcomes."""

    model_id: str
    region: str
    expected: int
    counts: Mapping[Status, int]
    median_seconds: float | None
    hops: int

    @property
    def cells(self) -> Counts:
        """How many of its cells have their answer."""
        return Counts.of(self.expected, self.counts)

    @property
    def unasked(self) -> int:
        """Cells without a row."""
        return self.expected - sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """One question's executions, from the first one queued to the last one completed."""

    question_id: str
    started_at: datetime
    completed_at: datetime
    executions: int
    containers: Sequence[str]


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """The answer of one cell, for jobs that are small enough to show all."""

    question_id: str
    question_text: str
    model_id: str
    region: str
    repeat: int
    status: Status
    response: str | None
    seconds: float | None
    error_code: str | None = None
    cut_off: bool = False
    arm: int = 0


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """The executions with one status and error code; `example` is the message of one of them."""

    status: Status
    error_code: str
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A job after a run. Counts are of the rows of the whole job; durations and gaps are in seconds.

    `function_call_ids` are calls that may still run on Modal. `registry_changes` has, by region label, how the served
    models changed during the run, and `surplus_connections` how many connections were closed because of leftover bytes.
    `resume_command` resumes an unfinished job, None if nothing is left to do; `again_command` asks blocked answers
    again, None if there are none; `stopped` says why a run ended early, `at_max_cost` that its limit on
    cost was the reason.
    `answers` has all answers of a small job, those of the first repeat of a larger job, and none of a large job.
    `troubles` has, by region label, what the run met in regions that were paused or given up. `part` is what the run
    was to ask, which alone decides whether it succeeded; `asked` has its lanes, counted over its questions, None for
    the whole job. `system_prompts_differ` says that regions get different system prompts, as with `{place}`, which the
    job does not plan to accept. `batches`
    has the `batch_data` of each batch, and may be left out if only people read it. `asked_again` is None without
    `--again`.
    """

    job_id: str
    run_id: str
    status: str
    batching: Batching
    questions: int
    expected: int
    counts: Mapping[Status, int]
    containers: int
    lanes: Sequence[LaneSummary]
    batches: LongList
    max_gap_seconds: float | None
    max_in_flight: int
    hops: int
    duration_seconds: float
    min_success_rate: float
    answers: Sequence[AnswerLine] = ()
    errors: Sequence[ErrorLine] = ()
    function_call_ids: Sequence[str] = ()
    registry_changes: Mapping[str, str] = field(default_factory=dict)
    surplus_connections: Mapping[str, int] = field(default_factory=dict)
    resume_command: str | None = None
    again_command: str | None = None
    stopped: str | None = None
    at_max_cost: bool = False
    repeats: int = 1
    system_prompts_differ: bool = False
    asked_again: AskedAgain | None = None
    troubles: Mapping[str, RegionTroubles] = field(default_factory=dict)
    part: Part = WHOLE
    asked: Sequence[LaneSummary] | None = None

    @property
    def asked_lanes(self) -> Sequence[LaneSummary]:
        """The lanes that the run was to ask, counted over its questions."""
        return self.lanes if self.asked is None else self.asked

    @property
    def cells(self) -> Counts:
        """How many of the cells that the run was to ask have their answer."""
        if self.asked is None:
            return Counts.of(self.expected, self.counts)
        return sum((lane.cells for lane in self.asked), Counts(0))

    @property
    def stored(self) -> int:
        """Cells with a row, of those that the run was to ask."""
        return sum(sum(lane.counts.values()) for lane in self.asked_lanes)

    @property
    def unasked(self) -> int:
        """Cells without a row, of those that the run was to ask."""
        if self.asked is None:
            return self.expected - sum(self.counts.values())
        return sum(lane.unasked for lane in self.asked)

    def unasked_in(self, region: str) -> int:
        """Return how many cells of a region, by its label, have no row, of those that the run was to ask."""
        return sum(lane.unasked for lane in self.asked_lanes if lane.region == region)

    def left_out_in(self, region: str) -> int:
        """Return how many cells of the whole job in a region, by its label, have no row."""
        return sum(lane.unasked for lane in self.lanes if lane.region == region)

    def failed_in(self, region: str) -> int:
        """Return how many cells of a region, by its label, failed or timed out, of those that the run was to ask."""
        statuses: tuple[Status, ...] = ("failed", "timeout")
        lanes = [lane for lane in self.asked_lanes if lane.region == region]
        return sum(lane.counts.get(status, 0) for lane in lanes for status in statuses)

    @property
    def succeeded(self) -> bool:
        """Whether nothing stopped the run, its success rate is high enough, and all that was asked again has a new
        answer: exit code 0."""
        kept = self.asked_again is not None and self.asked_again.kept > 0
        return self.stopped is None and self.cells.rate >= self.min_success_rate and not kept

    @property
    def nothing_to_ask(self) -> bool:
        """Whether every answer that the run was to get was stored before it."""
        kept = self.asked_again is not None and self.asked_again.kept > 0
        return self.max_in_flight == 0 and self.stopped is None and self.cells.whole and not kept

    @property
    def answers_stored(self) -> str:
        """The number of stored answers, in one line for people."""
        return self.cells.sentence(self.min_success_rate)

    @property
    def verdict(self) -> str:
        """The calculation of the success rate in one line, with what was asked again."""
        again = f"; {self.asked_again}" if self.asked_again else ""
        return f"{self.cells.arithmetic(self.min_success_rate)}{again}"

    def data(self) -> dict[str, Any]:
        """Return the `data` of `beacon run --json`."""
        lanes = ((lane.region, lane.cells) for lane in self.lanes)
        return {
            "job_id": self.job_id,
            "run_id": self.run_id,
            "status": self.status,
            "batching": self.batching,
            "expected": self.expected,
            "counts": {status: self.counts.get(status, 0) for status in STATUSES},
            "success_rate": self.cells.rate,
            "by_region": {region: cells.as_data() for region, cells in by_region(lanes).items()},
            "batches": self.batches,
            "max_gap_seconds": self.max_gap_seconds,
            "max_in_flight": self.max_in_flight,
            "hops": self.hops,
            "duration_seconds": self.duration_seconds,
            "function_call_ids": list(self.function_call_ids),
            "registry_changes": dict(self.registry_changes),
            "surplus_connections": dict(self.surplus_connections),
            "again": self.asked_again and self.asked_again.as_data(),
            "region_troubles": {
                region: {**asdict(troubles), "unasked": self.unasked_in(region), "failed": self.failed_in(region)}
                for region, troubles in self.troubles.items()
            },
            "without": list(self.part.without),
            "part": self.part.chosen(),
        }


def batch_data(batch: BatchSummary) -> dict[str, Any]:
    """Return a batch as in `beacon run --json`."""
    return {
        "question_id": batch.question_id,
        "started_at": batch.started_at.astimezone(UTC).isoformat(),
        "completed_at": batch.completed_at.astimezone(UTC).isoformat(),
        "executions": batch.executions,
        "containers": list(batch.containers),
    }
