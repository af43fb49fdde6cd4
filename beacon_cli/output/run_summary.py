"""What came of a run: the data that `beacon run --json` promises, and the judgement of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from beacon_cli.executor.execution import STATUSES, Batching, Status

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class LaneSummary:
    """One model in one region: how many cells were wanted, and what became of them."""

    model_id: str
    region: str
    expected: int
    counts: Mapping[Status, int]
    median_seconds: float | None
    hops: int


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
    """One cell's answer, for jobs that are small enough to show them all."""

    question_id: str
    question_text: str
    model_id: str
    region: str
    repeat: int
    status: Status
    response: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """The executions that ended with one error code; `example` is the message of one of them."""

    error_code: str
    count: int
    example: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A job after a run. Counts are of the whole job's rows; durations and gaps are in seconds.

    `function_call_ids` are calls that may still run on Modal; `resume_command` is what goes on with an unfinished
    job, None where nothing is left to do.
    """

    job_id: str
    run_id: str
    status: str
    batching: Batching
    expected: int
    counts: Mapping[Status, int]
    lanes: Sequence[LaneSummary]
    batches: Sequence[BatchSummary]
    max_gap_seconds: float | None
    max_in_flight: int
    hops: int
    duration_seconds: float
    min_success_rate: float
    answers: Sequence[AnswerLine] = ()
    errors: Sequence[ErrorLine] = ()
    function_call_ids: Sequence[str] = ()
    resume_command: str | None = None

    @property
    def completed(self) -> int:
        """Cells that have an answer with text."""
        return self.counts.get("completed", 0)

    @property
    def unasked(self) -> int:
        """Cells of which there is no row."""
        return self.expected - sum(self.counts.values())

    @property
    def success_rate(self) -> float:
        """Completed by expected cells, from 0 to 1."""
        return self.completed / self.expected if self.expected else 0.0

    @property
    def succeeded(self) -> bool:
        """Whether the success rate is what was wanted: exit code 0."""
        return self.success_rate >= self.min_success_rate

    @property
    def verdict(self) -> str:
        """The arithmetic of the success rate in one line."""
        return (
            f"{self.completed} of {self.expected} completed = {percent(self.success_rate)},"
            f" wanted {percent(self.min_success_rate)}"
        )

    def data(self) -> dict[str, Any]:
        """Return the `data` of `beacon run --json`."""
        return {
            "job_id": self.job_id,
            "run_id": self.run_id,
            "status": self.status,
            "batching": self.batching,
            "expected": self.expected,
            "counts": {status: self.counts.get(status, 0) for status in STATUSES},
            "success_rate": self.success_rate,
            "by_region": self._by_region(),
            "batches": [_batch(batch) for batch in self.batches],
            "max_gap_seconds": self.max_gap_seconds,
            "max_in_flight": self.max_in_flight,
            "hops": self.hops,
            "duration_seconds": self.duration_seconds,
            "function_call_ids": list(self.function_call_ids),
        }

    def show(self, console: Console) -> None:
        """Print the summary for people."""
        from beacon_cli.output.run_tables import show_summary

        show_summary(self, console)

    def _by_region(self) -> dict[str, dict[str, int]]:
        regions: dict[str, dict[str, int]] = {}
        for lane in self.lanes:
            region = regions.setdefault(lane.region, {"expected": 0, "completed": 0})
            region["expected"] += lane.expected
            region["completed"] += lane.counts.get("completed", 0)
        return regions


def percent(share: float) -> str:
    """Return a share as a percentage with at most one decimal, cut off: only all of it is `100 %`."""
    return f"{math.floor(round(share * 1000, 6)) / 10:g} %"


def _batch(batch: BatchSummary) -> dict[str, Any]:
    return {
        "question_id": batch.question_id,
        "started_at": batch.started_at.astimezone(UTC).isoformat(),
        "completed_at": batch.completed_at.astimezone(UTC).isoformat(),
        "executions": batch.executions,
        "containers": list(batch.containers),
    }
