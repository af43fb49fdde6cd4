"""The queue of jobs, kept by Procrastinate: adding and changing entries. `worker_queue` has the worker's part.

Its tables are in their own schema (`queue_schema.py`), which comes before Beacon's in the search path.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status

from beacon_cli import __version__
from beacon_cli.fleet.queue_connection import QUEUE_FIRST, as_store_error, explained, is_refused, pool_options
from beacon_cli.fleet.queue_schema import QUEUE_SCHEMA
from beacon_cli.store.connect import AsyncConnection

QUEUE = f"beacon-{__version__}"
"""The queue of this version: workers take no entries of another version."""

TASK = "beacon_job"
"""The task name of the entries in Procrastinate."""

AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)
"""When to retry an entry that was put back. It is compared with the database's clock, and ours may be ahead of it."""

# Each step of priority counts as one hour of waiting: a job that waits long enough gets its turn.
_STEP_SECONDS = 3600
# The highest rank goes first. It decreases with time since 2026, and fits into Procrastinate's 32 bits until 2094.
_RANK = "SELECT 1767225600 - extract(epoch FROM now())::bigint - %s::int"
_ADD = "INSERT INTO beacon_queue.beacon_entries (entry, job_id) VALUES (%s, %s)"


async def enqueue(
    connection: AsyncConnection, job_id: str, priority: int, without: Collection[str] = (), *, check: bool = True
) -> int:
    """Put a job into the queue, inside the transaction of this connection, and return the entry's id.

    `without` has the ids of regions that are left out; `check` is as in `prepared_run`. Lower priorities run first.
    Only workers of this version take the job. Raises the errors of psycopg.
    """
    await connection.execute(QUEUE_FIRST, [QUEUE_SCHEMA, True])
    row = await (await connection.execute(_RANK, [priority * _STEP_SECONDS])).fetchone()
    assert row is not None
    task = App(connector=PsycopgConnector()).configure_task(
        TASK,
        allow_unknown=True,
        connection=connection,
        queue=QUEUE,
        lock=job_id,
        queueing_lock=job_id,
        priority=int(row[0]),
    )
    try:
        entry = await task.defer_async(job_id=job_id, priority=priority, without=list(without), check=check)
    except ConnectorException as failed:
        if isinstance(failed.__cause__, psycopg.Error):
            raise failed.__cause__ from None
        raise
    await connection.execute(_ADD, [entry, job_id])
    return entry


class JobQueue:
    """The queue, for changing entries. Use `open_queue`."""

    def __init__(self, app: App) -> None:
        self._jobs = app.job_manager

    async def cancel(self, entry: int) -> None:
        """Remove an entry from the queue; a worker that has it is notified to stop. Raises `StoreError`."""
        with explained():
            await self._jobs.cancel_job_by_id_async(entry, abort=True)

    async def give_up(self, entry: int) -> bool:
        """End a taken entry whose worker cannot end it; return whether it was still open."""
        return await self._changed(self._jobs.finish_job_by_id_async(entry, Status.ABORTED, delete_job=False))

    async def put_back(self, entry: int) -> bool:
        """Put a taken entry back into the queue; return whether it was still taken."""
        return await self._changed(self._jobs.retry_job_by_id_async(entry, retry_at=AT_ONCE))

    async def forget(self, kept: timedelta) -> None:
        """Delete entries that ended longer ago than `kept`, in whole hours. Raises `StoreError`."""
        with explained():
            await self._jobs.delete_old_jobs(
                int(kept / timedelta(hours=1)), include_failed=True, include_cancelled=True, include_aborted=True
            )

    async def _changed(self, change: Awaitable[None]) -> bool:
        try:
            await change
        except ConnectorException as failed:
            if is_refused(failed):  # another process was faster
                return False
            raise as_store_error(failed) from failed
        return True


@asynccontextmanager
async def open_queue(url: str, name: str = "beacon") -> AsyncIterator[JobQueue]:
    """Yield the queue. Raises `StoreError`."""
    app = App(connector=PsycopgConnector(**pool_options(url, name)))
    try:
        with explained():
            await app.open_async()
            yield JobQueue(app)
    finally:  # also where opening was cancelled: what the pool has started goes on until it is closed
        await app.close_async()
