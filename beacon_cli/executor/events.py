"""What the executor reports while it works: frozen events, passed to a hook. It does not print them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from beacon_cli.executor.execution import Batching, Cell, Execution, Status
from beacon_cli.job.lanes import Lane
from beacon_cli.job.part import WHOLE


@dataclass(frozen=True, slots=True)
class Event:
    """The base of all events: which job, and when on the run's clock."""

    job_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class JobStarted(Event):
    """A run begins. `expected` counts the cells that it is to ask, and `answered` those answered before.

    `part` names the models, regions and questions that were chosen; an empty list means all of them. `lanes` and the
    numbers are of this part. `controls` are the labels of the regions that are asked in two arms.
    """

    run_id: str
    batching: Batching
    questions: int
    lanes: tuple[Lane, ...]
    repeats: int
    expected: int
    answered: int
    max_in_flight: int
    part: Mapping[str, Sequence[str]] = field(default_factory=WHOLE.chosen)
    controls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WeightsFetching(Event):
    """Weights are being fetched to this machine: at the start, and at each further hundredth of the bytes."""

    model_id: str
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class BatchStarted(Event):
    """A question's cells may now start. `number` counts from 1; `group` names the walker if there are several."""

    question_id: str
    number: int
    total: int
    executions: int
    group: str


@dataclass(frozen=True, slots=True)
class ExecutionStarted(Event):
    """A cell got its slot and is being asked."""

    cell: Cell


@dataclass(frozen=True, slots=True)
class AttemptFailed(Event):
    """One attempt failed; `retry_in` is in seconds, None if it was the last attempt.

    `waits` says that the cell waits, without a slot, until its region may be asked again; `retry_in` is None then, too.
    `http_status` is that of the answer, None without one.
    """

    cell: Cell
    attempt: int
    error_code: str
    message: str
    retry_in: float | None
    waits: bool = False
    http_status: int | None = None


@dataclass(frozen=True, slots=True)
class HopFollowed(Event):
    """Modal answered 303; the run now waits for the result at its result URL."""

    cell: Cell
    hops: int
    function_call_id: str | None


@dataclass(frozen=True, slots=True)
class CallEnded(Event):
    """A cell's call is over, and its slot is free; its row is being stored."""

    cell: Cell


@dataclass(frozen=True, slots=True)
class ExecutionFinished(Event):
    """A cell is done and its row is stored."""

    execution: Execution


@dataclass(frozen=True, slots=True)
class BatchFinished(Event):
    """All cells of a question are stored. `gap_seconds` is the time from the previous batch to this one's start."""

    question_id: str
    number: int
    total: int
    executions: int
    group: str
    counts: dict[Status, int]
    containers: tuple[str, ...]
    started_at: datetime
    gap_seconds: float | None


@dataclass(frozen=True, slots=True)
class RegionPaused(Event):
    """A region is in trouble: until a check call is answered, nothing else is sent there.

    `region` is its label and `why` the failure that paused it. Times are in seconds; `patience_seconds` is how long the
    region is waited for before it is given up, None if the job sets no limit.
    """

    region: str
    why: str
    next_check_seconds: float
    patience_seconds: float | None


@dataclass(frozen=True, slots=True)
class RegionCheckFailed(Event):
    """A check call to a paused region failed, too, or the region asked for a longer wait.

    `patience_seconds` is what is left of it.
    """

    region: str
    why: str
    next_check_seconds: float
    patience_seconds: float | None


@dataclass(frozen=True, slots=True)
class RegionResumed(Event):
    """A check call was answered: the region is open again, at first for `calls` calls at the same time.

    `pauses` and `paused_seconds` are of the whole run so far.
    """

    region: str
    calls: int
    pauses: int
    paused_seconds: float


@dataclass(frozen=True, slots=True)
class RegionDown(Event):
    """A region is given up: its remaining cells are not asked in this run."""

    region: str
    why: str
    pauses: int
    paused_seconds: float


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """Something that operators should know but is no step of the job: the database went away, the run is stopping."""

    text: str


@dataclass(frozen=True, slots=True)
class JobFinished(Event):
    """The run is over. `counts` are the statuses of the whole job's rows; `unasked` cells have none."""

    status: str
    expected: int
    counts: dict[Status, int]
    unasked: int
    duration_seconds: float


EventHook = Callable[[Event], None]
