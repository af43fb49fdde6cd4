"""A run of a job, from its first question to its last row."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from beacon_cli.console.formatting import duration
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.errors import BeaconError
from beacon_cli.executor.around_a_run import CancelCall, Purse, Recorder, TakesSlots
from beacon_cli.executor.attempts import Asker, Progress, TurnOver
from beacon_cli.executor.batching import Walker, run_batch, walkers
from beacon_cli.executor.cancellation import MAX_COST, Stop, StopReason
from beacon_cli.executor.caps import endpoint_caps
from beacon_cli.executor.client import Client
from beacon_cli.executor.clock import Clock
from beacon_cli.executor.counts import Counts
from beacon_cli.executor.events import (
    BatchFinished,
    BatchStarted,
    EventHook,
    ExecutionFinished,
    ExecutionStarted,
    JobFinished,
    JobStarted,
    Notice,
)
from beacon_cli.executor.execution import Batch, Batching, Cell, Execution, Settled, Status
from beacon_cli.executor.failures import REFUSED, credentials_refused
from beacon_cli.executor.region_events import RegionEvents
from beacon_cli.executor.turns import RegionIsDown, RegionTroubles, Slots, SlotTimeout, Turn
from beacon_cli.job.lanes import Lane
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import Job
from beacon_cli.job.part import WHOLE, Part

T = TypeVar("T")

REMOTE_CALL_ENDED = "remote_call_ended"
"""The key in `output_data` of an execution abandoned after a 303: whether the call at Modal was cancelled."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a run has to do, and its limits.

    `lanes` are those of the part of the job that it asks, and `answered` counts the cells there that have an answer.
    """

    job: Job
    job_id: str
    run_id: str
    batching: Batching
    limits: Limits
    answered: int
    lanes: tuple[Lane, ...]
    part: Part = WHOLE


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended. `counts` are of the whole job; `peak_in_flight`, `duration_seconds` and `troubles` of this run.

    `troubles` is by region label, for the regions in which it met trouble.
    """

    status: str
    counts: dict[Status, int]
    stopped: StopReason | None
    peak_in_flight: int
    duration_seconds: float
    troubles: Mapping[str, RegionTroubles] = field(default_factory=dict)


class Run:
    """Executes one assignment. It prints nothing: `emit` gets the events."""

    def __init__(
        self,
        assignment: Assignment,
        recorder: Recorder,
        clients: Mapping[str, Client],
        endpoints: Mapping[str, Endpoint],
        emit: EventHook,
        stop: Stop,
        clock: Clock,
        cancel_call: CancelCall | None = None,
        slots: TakesSlots | None = None,
        purse: Purse | None = None,
    ) -> None:
        job, limits = assignment.job, assignment.limits
        self._assignment = assignment
        self._recorder = recorder
        self._endpoints = endpoints
        self._emit = emit
        self._stop = stop
        self._clock = clock
        self._cancel_call = cancel_call
        self._purse = purse
        self._began = 0.0
        self._in_flight = 0
        self._peak_in_flight = 0
        self._lanes = assignment.lanes
        self._slots = slots or Slots(
            endpoint_caps(self._lanes, limits),
            limits.max_in_flight,
            limits.region_patience,
            RegionEvents(assignment.job_id, self._lanes, clock, emit),
        )
        generation = job.generation.model_dump(exclude_none=True)
        self._asker = Asker(clients, endpoints, generation, limits, clock, emit, assignment.job_id)

    async def execute(self) -> RunOutcome:
        """Ask every cell without an answer, and return how the run ended.

        Raises `StoreError` if the database stayed unreachable; the received answers are then in the journal.
        """
        a = self._assignment
        self._began = self._clock.elapsed()
        self._emit(
            JobStarted(
                job_id=a.job_id,
                at=self._clock.now(),
                run_id=a.run_id,
                batching=a.batching,
                questions=a.job.questions_in(a.part),
                lanes=self._lanes,
                repeats=a.job.repeats,
                expected=a.job.expected_in(a.part),
                answered=a.answered,
                max_in_flight=a.limits.max_in_flight,
                part=a.part.chosen(),
                controls=a.job.controls_in(a.part),
            )
        )
        deadline = asyncio.get_running_loop().call_later(a.limits.job_timeout, self._time_is_up)
        try:
            walks = [self._walk(walker) for walker in walkers(a.batching, self._lanes)]
            results = await asyncio.gather(*walks, return_exceptions=True)
        finally:
            deadline.cancel()
            self._slots.close()
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            with contextlib.suppress(BeaconError):
                await self._finish()
            raise failures[0]
        return await self._finish()

    async def _walk(self, walker: Walker) -> None:
        await self._stopping_on_error(self._walk_questions(walker))

    async def _walk_questions(self, walker: Walker) -> None:
        finished_at: datetime | None = None
        async for whole in self._recorder.batches(walker.lanes):
            if self._stop.reason is not None or self._all_down(walker):
                return
            batch = self._without_regions_down(whole)
            if not batch.cells:
                continue
            started_at = self._clock.now()
            self._emit(self._started(batch, walker, started_at))
            settled = await run_batch(batch, self._execute_cell)
            if self._stop.reason is not None:
                return
            gap = (started_at - finished_at).total_seconds() if finished_at else None
            finished_at = max((each.completed_at for each in settled), default=finished_at)
            self._emit(self._finished(batch, walker, settled, started_at, gap))

    def _all_down(self, walker: Walker) -> bool:
        return all(self._slots.is_down(lane.region.id) for lane in walker.lanes)

    def _without_regions_down(self, batch: Batch) -> Batch:
        cells = tuple(cell for cell in batch.cells if not self._slots.is_down(cell.lane.region.id))
        return batch if len(cells) == len(batch.cells) else replace(batch, cells=cells)

    def _started(self, batch: Batch, walker: Walker, at: datetime) -> BatchStarted:
        return BatchStarted(
            job_id=self._assignment.job_id,
            at=at,
            question_id=batch.question.id,
            number=batch.position + 1,
            total=self._assignment.job.questions.count,
            executions=len(batch.cells),
            group=walker.name,
        )

    def _finished(
        self, batch: Batch, walker: Walker, settled: Sequence[Settled], started_at: datetime, gap: float | None
    ) -> BatchFinished:
        return BatchFinished(
            job_id=self._assignment.job_id,
            at=self._clock.now(),
            question_id=batch.question.id,
            number=batch.position + 1,
            total=self._assignment.job.questions.count,
            executions=len(settled),
            group=walker.name,
            counts=dict(Counter(each.status for each in settled)),
            containers=tuple(sorted({each.container_id for each in settled if each.container_id})),
            started_at=started_at,
            gap_seconds=gap,
        )

    async def _execute_cell(self, cell: Cell) -> Settled | None:
        """Ask a cell and store its execution.

        Returns None if it has no row: the run had stopped, its region went down before it was answered, or another
        process had stored its answer.
        """
        return await self._stopping_on_error(self._ask_and_record(cell))

    async def _ask_and_record(self, cell: Cell) -> Settled | None:
        progress = Progress(cell, self._assignment.job.prompt_system(cell.lane.region), self._clock.now())
        try:
            execution = await self._asked_in_turn(progress)
            if self._purse is not None:
                self._settle(progress.cell, execution, self._purse)
            if execution is None:
                return None
            execution = await self._without_its_call(execution)
            await self._record(execution)
        finally:
            progress.settled()
        self._require_accepted(execution)
        return Settled(execution.status, execution.container_id, execution.completed_at)

    def _require_accepted(self, execution: Execution) -> None:
        """Raise `CredentialsError` where the endpoint refused the credentials: it would refuse every other cell."""
        if execution.error_code in REFUSED:
            lane = execution.cell.lane
            endpoint = self._endpoints[lane.region.id].of(lane.model_id)
            raise credentials_refused(endpoint, execution.error_message, execution.error_code)

    async def _asked_in_turn(self, progress: Progress) -> Execution | None:
        """Return what became of a cell, None when it was not asked, or met nothing but a pause of its region."""
        try:
            while True:
                with self._stop.interruptible(), contextlib.suppress(TurnOver):
                    if self._purse is not None and not await self._purse.take(progress.cell):
                        self._ask_no_more(self._purse, progress.cell)
                        return None
                    async with self._slot(progress.cell) as turn:
                        return await self._asked(progress, turn)
                progress.waits()
                if self._purse is not None:
                    self._purse.give_back(progress.cell)
        except SlotTimeout:
            return self._no_slot(progress)
        except RegionIsDown:
            return None
        except asyncio.CancelledError:
            return self._interrupted(progress)

    async def _asked(self, progress: Progress, turn: Turn) -> Execution | None:
        if not await self._recorder.ready(progress.cell):
            return None
        self._stop.in_flight()
        progress.started_at = self._clock.now()
        self._emit(ExecutionStarted(self._assignment.job_id, progress.started_at, progress.cell))
        self._in_flight += 1
        self._peak_in_flight = max(self._peak_in_flight, self._in_flight)
        try:
            return await self._asker.execute(progress, turn)
        finally:
            self._in_flight -= 1

    def _ask_no_more(self, purse: Purse, cell: Cell) -> None:
        """Let the calls in flight end, and make no other one."""
        self._stop.in_flight()  # this task ends by itself
        if self._stop.reason is None:
            text = purse.exhausted(cell)
            self._emit(Notice(self._assignment.job_id, self._clock.now(), f"stopping… {text}"))
            self._stop.drain(StopReason(MAX_COST, text))

    @staticmethod
    def _settle(cell: Cell, execution: Execution | None, purse: Purse) -> None:
        if execution is None:
            purse.give_back(cell)
        else:
            purse.pay(execution)

    def _slot(self, cell: Cell) -> contextlib.AbstractAsyncContextManager[Turn]:
        return self._slots.slot(cell.lane.region.id, self._assignment.limits.slot_timeout)

    async def _record(self, execution: Execution) -> None:
        await self._recorder.record(execution)
        self._emit(ExecutionFinished(self._assignment.job_id, self._clock.now(), execution))

    async def _stopping_on_error(self, work: Awaitable[T]) -> T:
        """Do the work; stop the whole run on an error: answers would not be stored, or would be refused anyway."""
        try:
            return await work
        except Exception as error:
            self._stop.request(StopReason("cancelled", getattr(error, "message", type(error).__name__)))
            raise

    def _no_slot(self, progress: Progress) -> Execution:
        limit = duration(self._assignment.limits.slot_timeout)
        return progress.execution(
            "timeout",
            self._clock.now(),
            error_code="slot_timeout",
            error_message=f"no slot became free within {limit} (limits.slot_timeout)",
        )

    def _interrupted(self, progress: Progress) -> Execution | None:
        reason = self._stop.reason
        task = asyncio.current_task()
        if reason is None or task is None:
            raise asyncio.CancelledError
        task.uncancel()
        if progress.started_at is None:
            return None
        return progress.execution("cancelled", self._clock.now(), error_code=reason.code, error_message=reason.message)

    async def _without_its_call(self, execution: Execution) -> Execution:
        """End a call that goes on at Modal although nobody waits for it; the row says whether that worked."""
        call_id = execution.function_call_id
        if not call_id or execution.status not in {"cancelled", "timeout"}:
            return execution
        ended = self._cancel_call is not None and await self._cancel_call(call_id)
        ending = f"call {call_id} {'was cancelled' if ended else 'may still be running'}"
        return replace(
            execution,
            error_message=f"{execution.error_message}; {ending}",
            output_data={**(execution.output_data or {}), REMOTE_CALL_ENDED: ended},
        )

    def _time_is_up(self) -> None:
        limit = duration(self._assignment.limits.job_timeout)
        text = f"the run reached its time limit of {limit} (limits.job_timeout)"
        self._emit(Notice(self._assignment.job_id, self._clock.now(), f"stopping… {text}"))
        self._stop.request(StopReason("job_timeout", text))

    async def _finish(self) -> RunOutcome:
        a = self._assignment
        counts = await self._recorder.counts()
        reason = self._stop.reason
        status = job_status(counts, a.job.expected, stopped=reason is not None and reason.cancels)
        ended_at = self._clock.now()
        asked_no_more = reason.message if reason is not None and not reason.cancels else None
        await self._recorder.finish(status, ended_at.isoformat(), asked_no_more)
        seconds = self._clock.elapsed() - self._began
        unasked = a.job.expected - sum(counts.values())
        self._emit(JobFinished(a.job_id, ended_at, status, a.job.expected, counts, unasked, seconds))
        labels = {lane.region.id: lane.region.label for lane in self._lanes}
        troubles = {labels[region_id]: each for region_id, each in self._slots.troubles().items()}
        return RunOutcome(status, counts, reason, self._peak_in_flight, seconds, troubles)


def job_status(counts: Mapping[Status, int], expected: int, *, stopped: bool) -> str:
    """Return a job's status from its rows: completed if every cell has its answer."""
    cells = Counts.of(expected, counts)
    if cells.whole:
        return "completed"
    if stopped:
        return "cancelled"
    return "partial" if cells.answered else "failed"
