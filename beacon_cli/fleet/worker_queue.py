"""The queue for one worker: Procrastinate takes entries in the worker's event loop, and signals when to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.exceptions import JobAborted
from procrastinate.job_context import AbortReason

from beacon_cli.fleet.job_queue import AT_ONCE, QUEUE, TASK
from beacon_cli.fleet.queue_connection import PatientConnector, explained
from beacon_cli.fleet.worker_names import session_name
from beacon_cli.job.part import WHOLE, Part
from beacon_cli.store.address import address_of
from beacon_cli.store.connect import open_async
from beacon_cli.store.queries import query

if TYPE_CHECKING:
    from procrastinate.jobs import Job

# Entries that were put back are not notified; new ones are.
_POLL_SECONDS = 0.5
# Cancelling notifies, and the heartbeat also checks (no_longer_ours.sql).
_SELDOM_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class TakenEntry:
    """An entry that a worker took. With the same attempt number it is taken only once.

    `part` is what it asks; `check` is as in `prepared_run`.
    """

    id: int
    attempt: int
    job_id: str
    priority: int
    part: Part = WHOLE
    check: bool = True


class EntryEnd(Enum):
    """How a worker ends an entry that it releases."""

    OVER = "the job has ended, in whichever way"
    CANCELLED = "the job was cancelled"
    HANDED_BACK = "the job is for another worker to go on with"
    NOT_OURS = "another worker has the entry by now, or it is over"


class _HandedBack(Exception):
    """The entry goes back into the queue."""


class _HandBack(BaseRetryStrategy):
    """Puts an entry back if its worker hands it back, or is closed before that."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002
        back = isinstance(exception, _HandedBack | asyncio.CancelledError)
        return RetryDecision(retry_at=AT_ONCE) if back else None


RunEntry = Callable[[TakenEntry], Coroutine[Any, Any, EntryEnd]]
"""Runs an entry's job to its end. To stop it, use `StopEntry` instead of cancelling."""

StopEntry = Callable[[int, bool], None]
"""Stops an entry's job: takes its id, and whether it was cancelled (else it is handed back)."""


class WorkerQueue:
    """The queue for one worker: it takes entries, and passes each to `run_entry`."""

    def __init__(self, url: str, worker_id: str, run_entry: RunEntry, stop_entry: StopEntry) -> None:
        self._worker_id = worker_id
        self._run_entry = run_entry
        self._stop_entry = stop_entry
        self._address = address_of(url, statement_timeout="30s", name=session_name(worker_id))
        self._connector = PatientConnector(url, session_name(worker_id))
        self._app = App(connector=self._connector)
        self._app.task(name=TASK, queue=QUEUE, pass_context=True, retry=_HandBack())(self._run_task)

    async def open(self) -> None:
        """Connect. Raises `StoreError`."""
        with explained():
            await (await open_async(self._address)).close()  # reports the reason, while the pool would only try again
            await self._app.open_async()

    async def take_entries(self, at_once: int, seconds_to_end: float) -> None:
        """Take up to `at_once` entries at the same time, until cancelled; then taken ones get `seconds_to_end` to end.

        Raises `StoreError` for errors that do not pass by themselves.
        """
        with explained():
            await self._app.run_worker_async(
                queues=[QUEUE],
                name=self._worker_id,
                concurrency=at_once,
                fetch_job_polling_interval=_POLL_SECONDS,
                abort_job_polling_interval=_SELDOM_SECONDS,
                shutdown_graceful_timeout=seconds_to_end,
                install_signal_handlers=False,
            )

    async def is_ours(self, taken: TakenEntry) -> bool:
        """Claim a taken entry, or confirm the claim; return whether no other worker has it by now."""
        with explained():
            return bool(
                await self._connector.execute_query_all_async(
                    query("fleet", "claim").as_string(), worker=self._worker_id, entry=taken.id, attempt=taken.attempt
                )
            )

    def let_go(self) -> None:
        """From now on write no entries: others take over this worker's entries."""
        self._connector.let_go()

    async def close(self) -> None:
        """Close the connections."""
        self.let_go()
        await self._app.close_async()

    async def _run_task(
        self, context: JobContext, /, job_id: str, priority: int, *, check: bool = True, **part: Sequence[str]
    ) -> None:
        """Run an entry's job inside Procrastinate's task, which is cancelled when the job is to stop."""
        assert context.job.id is not None
        taken = TakenEntry(context.job.id, context.job.attempts, job_id, priority, _part(part), check)
        self._connector.own(taken.id)
        running = asyncio.ensure_future(self._run_entry(taken))
        while not running.done():
            try:
                await asyncio.wait({running})
            except asyncio.CancelledError:
                task = asyncio.current_task()
                assert task is not None
                task.uncancel()
                self._stop_entry(taken.id, context.abort_reason() is AbortReason.USER_REQUEST)
        self._report(taken, running.result())

    def _report(self, taken: TakenEntry, end: EntryEnd) -> None:
        """Report to Procrastinate how an entry ended."""
        if end is EntryEnd.CANCELLED:
            raise JobAborted
        if end is EntryEnd.HANDED_BACK:
            raise _HandedBack
        if end is EntryEnd.NOT_OURS:
            self._connector.disown(taken.id)


def _part(written: Mapping[str, Sequence[str]]) -> Part:
    return Part(**{name: tuple(names) for name, names in written.items()})
