"""The state of a run as a view shows it: a reducer over events whose size does not depend on the job."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Literal

from beacon_cli.executor.events import (
    AttemptFailed,
    BatchFinished,
    BatchStarted,
    CallEnded,
    Event,
    ExecutionFinished,
    ExecutionStarted,
    HopFollowed,
    JobFinished,
    JobStarted,
    RegionCheckFailed,
    RegionDown,
    RegionPaused,
    RegionResumed,
    WeightsFetching,
)
from beacon_cli.executor.execution import ANSWERED, STATUSES, Cell, Execution, Status
from beacon_cli.executor.thoughts import answer_text
from beacon_cli.job.lanes import Lane
from beacon_cli.live.fetching import Fetch

CallState = Literal["asking", "hop", "retry"]

_HEAD = 800  # characters of an answer or a message that are kept; a view shows fewer
_RECENT = 6
_CONTAINERS = 1000  # a server that reports a new container with every answer must not fill the memory
_ETA_BASIS = 20  # minimum cells for a meaningful mean time, if no whole batch is done yet


@dataclass(slots=True)
class Call:
    """A cell in flight: `state` is `hop` after a 303, `retry` after a failed attempt."""

    since: datetime
    state: CallState = "asking"
    hops: int = 0
    attempt: int = 1


@dataclass(slots=True)
class RunningBatch:
    """The current question of a group; `text` is None until its first cell starts."""

    question_id: str
    number: int
    total: int
    group: str
    text: str | None = None
    finished: bool = False


@dataclass(frozen=True, slots=True)
class FinishedCell:
    """A finished execution in short form: `head` is the start of the answer, or of the error message."""

    question_id: str
    lane: Lane
    arm: int
    status: Status
    error_code: str | None
    head: str
    seconds: float


@dataclass(slots=True)
class RegionTrouble:
    """A region that is paused, or down: then it has no next check. `given_up` is None where that never happens."""

    why: str
    since: datetime
    next_check: datetime | None = None
    given_up: datetime | None = None


def _no_counts() -> dict[Status, int]:
    return dict.fromkeys(STATUSES, 0)


@dataclass(slots=True)
class Progress:
    """The state of a run so far. Counts are of this run.

    `in_flight` are the cells with a call, `storing` those whose call is over and whose row is not stored yet. Where
    threads share it, each holds `lock` while it applies an event or reads.
    """

    job: JobStarted | None = None
    finished: JobFinished | None = None
    fetch: Fetch | None = None
    at: datetime | None = None
    counts: dict[Status, int] = field(default_factory=_no_counts)
    lanes: dict[Lane, dict[Status, int]] = field(default_factory=dict)
    batches: dict[str, RunningBatch] = field(default_factory=dict)
    batches_done: int = 0
    in_flight: dict[Cell, Call] = field(default_factory=dict)
    storing: set[Cell] = field(default_factory=set)
    hops: int = 0
    retries: int = 0
    regions: dict[str, RegionTrouble] = field(default_factory=dict)
    recent: deque[FinishedCell] = field(default_factory=lambda: deque(maxlen=_RECENT))
    lock: Lock = field(default_factory=Lock, repr=False, compare=False)
    _containers: set[str] = field(default_factory=set)

    def apply(self, event: Event) -> None:
        """Apply one event, in constant time and memory, whatever the size of the job."""
        self.at = event.at if self.at is None else max(self.at, event.at)
        match event:
            case ExecutionStarted():
                self._execution_started(event)
            case CallEnded(cell=cell):
                self.in_flight.pop(cell, None)
                self.storing.add(cell)
            case ExecutionFinished():
                self._execution_finished(event.execution)
            case BatchStarted(question_id=question, number=number, total=total, group=group):
                self.batches[group] = RunningBatch(question, number, total, group)
            case BatchFinished():
                self._batch_finished(event)
            case AttemptFailed() if event.waits:
                self.retries += 1
                self.in_flight.pop(event.cell, None)
            case AttemptFailed() if event.retry_in is not None:
                self._retried(event)
            case RegionPaused() | RegionCheckFailed():
                self._paused(event)
            case RegionResumed(region=region):
                self.regions.pop(region, None)
            case RegionDown(region=region, why=why, at=at):
                self.regions[region] = RegionTrouble(why[:_HEAD], at)
            case HopFollowed():
                self._hopped(event)
            case WeightsFetching(model_id=model, done_bytes=done, total_bytes=total):
                self.fetch = Fetch(model, done, total)
            case JobStarted():
                self.job = event
                self.lanes = {lane: _no_counts() for lane in event.lanes}
            case JobFinished():
                self.finished = event

    @property
    def done(self) -> int:
        """Cells that this run has settled: answered or failed. A cancelled cell still has to be asked."""
        return sum(self.counts.values()) - self.counts["cancelled"]

    @property
    def settled(self) -> int:
        """Cells settled by this run or answered before it: the value of the progress bar."""
        return self.done + (self.job.answered if self.job else 0)

    @property
    def expected(self) -> int:
        """All cells of the job."""
        return self.job.expected if self.job else 0

    @property
    def elapsed(self) -> float:
        """Seconds from the start of the run to its latest event."""
        return (self.at - self.job.at).total_seconds() if self.job and self.at else 0.0

    @property
    def containers(self) -> str:
        """How many containers have answered: a number, with `+` if counting stopped."""
        return f"{len(self._containers)}{'+' if len(self._containers) >= _CONTAINERS else ''}"

    def current_batches(self) -> list[RunningBatch]:
        """Return the questions in progress, furthest behind first; between two batches, the last one."""
        running = [batch for batch in self.batches.values() if not batch.finished]
        shown = running or list(self.batches.values())[-1:]
        return sorted(shown, key=lambda batch: (batch.number, batch.group))

    def calls_in(self, lane: Lane) -> dict[CallState, int]:
        """Return how many calls of a lane are in flight, by state."""
        calls: dict[CallState, int] = {}
        for cell, call in self.in_flight.items():
            if cell.lane == lane:
                calls[call.state] = calls.get(call.state, 0) + 1
        return calls

    def eta_seconds(self, elapsed: float) -> float | None:
        """Return the remaining seconds at this run's pace so far; None if there is no basis, or a region is paused."""
        if any(trouble.next_check for trouble in self.regions.values()):
            return None
        if not self.done or (not self.batches_done and self.done < _ETA_BASIS):
            return None
        return elapsed / self.done * max(0, self.expected - self.settled)

    def _execution_started(self, event: ExecutionStarted) -> None:
        self.in_flight[event.cell] = Call(since=event.at)
        for batch in self.batches.values():
            if batch.text is None and batch.question_id == event.cell.question.id:
                batch.text = event.cell.question.text[:_HEAD]

    def _execution_finished(self, execution: Execution) -> None:
        cell = execution.cell
        self.in_flight.pop(cell, None)
        self.storing.discard(cell)
        self.counts[execution.status] += 1
        self.lanes.setdefault(cell.lane, _no_counts())[execution.status] += 1
        if execution.container_id and len(self._containers) < _CONTAINERS:
            self._containers.add(execution.container_id[:_HEAD])
        words = answer_text(execution.response) if execution.status in ANSWERED else execution.error_message
        self.recent.append(
            FinishedCell(
                question_id=cell.question.id,
                lane=cell.lane,
                arm=cell.arm,
                status=execution.status,
                error_code=execution.error_code,
                head=(words or execution.error_message or "")[:_HEAD],
                seconds=execution.seconds,
            )
        )

    def _batch_finished(self, event: BatchFinished) -> None:
        self.batches_done += 1
        if event.group in self.batches:
            self.batches[event.group].finished = True

    def _retried(self, event: AttemptFailed) -> None:
        self.retries += 1
        if call := self.in_flight.get(event.cell):
            call.state = "retry"
            call.attempt = event.attempt + 1

    def _paused(self, event: RegionPaused | RegionCheckFailed) -> None:
        left = event.patience_seconds
        known = self.regions.get(event.region)
        self.regions[event.region] = RegionTrouble(
            why=event.why[:_HEAD],
            since=known.since if known else event.at,
            next_check=event.at + timedelta(seconds=event.next_check_seconds),
            given_up=None if left is None else event.at + timedelta(seconds=left),
        )

    def _hopped(self, event: HopFollowed) -> None:
        self.hops += 1
        if call := self.in_flight.get(event.cell):
            call.state = "hop"
            call.hops = event.hops
