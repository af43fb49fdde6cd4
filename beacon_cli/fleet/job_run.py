"""One job on a worker: the executor of `beacon run`, on the stored job, with the fleet's slots."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beacon_cli.errors import JobNotFound
from beacon_cli.executor.cancellation import Stop, StopReason
from beacon_cli.executor.clock import Clock
from beacon_cli.executor.events import CallEnded, EventHook, Notice
from beacon_cli.executor.execution import Batch, Cell, Execution, Status
from beacon_cli.executor.region_events import RegionEvents
from beacon_cli.executor.run import Run
from beacon_cli.fleet.calls import Calls
from beacon_cli.fleet.slots import FleetSlots
from beacon_cli.fleet.worker_names import session_name
from beacon_cli.fleet.worker_queue import TakenEntry
from beacon_cli.job.lanes import Lane
from beacon_cli.job.model import Job
from beacon_cli.records.load_job import stored_job
from beacon_cli.runs.prepare import prepared_run
from beacon_cli.settings import Settings
from beacon_cli.store.job_store import JobStore, open_job_store

if TYPE_CHECKING:
    from beacon_cli.telemetry.telemetry import Telemetry

HAND_BACK = StopReason("handed_back", "the worker was stopped (SIGTERM); another worker continues")
BY_COMMAND = StopReason("cancelled", "cancelled by beacon cancel")


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What all jobs of one worker share."""

    settings: Settings
    url: str
    worker_id: str
    calls: Calls
    emit: EventHook
    telemetry: Telemetry | None = None


class _Handover:
    """A job store whose job becomes `created`, not `cancelled`, if the run stopped for another worker to continue."""

    def __init__(self, store: JobStore, stop: Stop) -> None:
        self._store = store
        self._stop = stop

    def batches(self, lanes: Sequence[Lane]) -> AsyncIterator[Batch]:
        return self._store.batches(lanes)

    async def ready(self, cell: Cell) -> bool:
        return await self._store.ready(cell)

    async def record(self, execution: Execution) -> None:
        await self._store.record(execution)

    async def counts(self) -> dict[Status, int]:
        return await self._store.counts()

    async def finish(self, status: str, ended_at: str, reason: str | None) -> None:
        stopped = self._stop.reason
        back = status == "cancelled" and stopped is not None and stopped != BY_COMMAND and stopped.code != "job_timeout"
        await self._store.finish("created" if back else status, ended_at, reason)


@asynccontextmanager
async def claimed_run(context: WorkerContext, taken: TakenEntry, stop: Stop) -> AsyncIterator[Run | None]:
    """Claim the job of an entry and begin a run of it; yields None if it was stopped before anything was asked.

    Raises every `BeaconError` that can end a run before its first question.
    """
    job_id = taken.job_id
    regions = context.settings.vocabulary.regions
    job = await asyncio.to_thread(stored_job, context.url, job_id, regions=regions)
    clock = Clock()

    def notify(text: str) -> None:
        context.emit(Notice(job_id, clock.now(), text))

    def on_record(execution: Execution) -> None:
        context.emit(CallEnded(job_id, clock.now(), execution.cell))

    async with _claimed(context, job, taken, notify, on_record) as store, AsyncExitStack() as watching:
        if not store.claim.exists:
            raise JobNotFound(f"job {job_id} was deleted")
        limits = context.settings.limits.overridden_by(job.limits)
        lanes = job.lanes_in(taken.part)
        on_change = RegionEvents(job_id, lanes, clock, context.emit)
        with closing(FleetSlots(context.calls, job_id, lanes, limits, taken.priority, on_change)) as slots:
            async with prepared_run(
                context.settings,
                store,
                limits,
                context.emit,
                stop,
                clock,
                database_url=context.url,
                check=taken.check,
                recorder=_Handover(store, stop),
                slots=slots,
            ) as prepared:
                if context.telemetry is not None:
                    await watching.enter_async_context(context.telemetry.of_run(store, prepared.endpoints))
                if stop.reason is None:
                    await store.begin(clock.now().isoformat())
                yield None if stop.reason is not None else prepared.run


def _claimed(
    context: WorkerContext,
    job: Job,
    taken: TakenEntry,
    notify: Callable[[str], None],
    on_record: Callable[[Execution], None],
) -> AbstractAsyncContextManager[JobStore]:
    return open_job_store(
        context.url,
        job,
        taken.job_id,
        batching=None,
        part=taken.part,
        journal_folder=context.settings.journal_path(),
        notify=notify,
        on_record=on_record,
        holder=session_name(context.worker_id),
        pays_twice=False,
    )
