"""One connection that holds a job's lock: as long as it lives, no other process runs the job."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import time
from collections.abc import Callable

import psycopg

from beacon_cli.errors import JobLocked, LockLost, StoreError
from beacon_cli.store.address import Address, address_of
from beacon_cli.store.connect import AsyncConnection, open_async, store_error

STATEMENT_SECONDS = 30.0
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('beacon job ' || %s, 0))"
_HOLDER = """
SELECT activity.application_name, activity.backend_start
FROM (SELECT hashtextextended('beacon job ' || %s, 0) AS key) AS job
JOIN pg_locks AS lock ON lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 1
 AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
 AND lock.classid = ((job.key >> 32) & 4294967295)::oid AND lock.objid = (job.key & 4294967295)::oid
JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
"""
# What goes away again by itself: a server that is stopped, restarted or out of connections, a cut connection, a lock,
# a statement that took too long, a deadlock.
_PASSING_CLASSES = ("08", "57", "53300", "55P03", "40001", "40P01")
# Ends our own connection of before where the server has not noticed yet that it is gone, and still holds the lock.
_END_OLD_ONE = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = %s"
_OLD_ONE_MAY_TAKE_SECONDS = 5.0


class Session:
    """The connection of one run. Statements on it are what holds the lock on the job, and nothing else."""

    def __init__(
        self, address: Address, job_id: str, connection: AsyncConnection, revive: Callable[[], object]
    ) -> None:
        self._address = address
        self._job_id = job_id
        self._server_pid = connection.server_pid
        self._revive = revive
        self.connection = connection

    @classmethod
    async def open(
        cls, url: str, job_id: str, revive: Callable[[], object] = lambda: None, name: str | None = None
    ) -> Session:
        """Connect and take the lock. Raises `JobLocked` naming the holder, or `StoreError`.

        `revive` is called in a thread before the connection is made again: it may start the server. `name` is what
        others are told of the holder, instead of its process id and host.
        """
        # What another run is told of the holder; PostgreSQL keeps 63 bytes of it.
        name = name or f"process {os.getpid()} on {socket.gethostname()}"
        address = address_of(url, statement_timeout=f"{STATEMENT_SECONDS:.0f}s", name=name)
        try:
            session = cls(address, job_id, await open_async(address), revive)
        except psycopg.Error as error:
            raise store_error(error, address.parameters) from None
        try:
            if await session._lock():
                return session
            refused: StoreError = await session._locked_by()
        except psycopg.Error as error:
            refused = session.explain(error)
        await session.close()
        raise refused

    async def restore(self) -> None:
        """Make sure that there is a connection, and that it holds the lock.

        Raises `LockLost` if another process took the job meanwhile. Errors of psycopg pass: the caller decides whether
        to try again.
        """
        if not self.connection.closed:
            return
        try:
            await asyncio.to_thread(self._revive)
        except StoreError as error:
            raise psycopg.OperationalError(error.message) from error
        self.connection = await open_async(self._address)
        old, self._server_pid = self._server_pid, self.connection.server_pid
        give_up_at = time.monotonic() + _OLD_ONE_MAY_TAKE_SECONDS
        while not await self._lock():
            cursor = await self.connection.execute(_END_OLD_ONE, [old])
            old_one_holds_it = await cursor.fetchone() is not None
            if time.monotonic() > give_up_at or not (old_one_holds_it or await self._lock()):
                await self.close()
                raise LockLost(
                    f"while the database was away, another process took job {self._job_id}",
                    hint="let that one finish; this one's answers are kept in the journal",
                )
            await asyncio.sleep(0.05)

    def in_doubt(self) -> bool:
        """Whether the connection may be gone: it is closed, or has something to say although nothing was asked."""
        connection = self.connection
        return connection.closed or (not connection.lock.locked() and _readable(connection.fileno()))

    async def close(self) -> None:
        """Close the connection, and with it free the lock."""
        await self.connection.close()

    def explain(self, error: psycopg.Error) -> StoreError:
        """Return what to tell of an error on this connection."""
        return store_error(error, self._address.parameters)

    def passing(self, error: psycopg.Error) -> bool:
        """Whether trying again later may help."""
        return self.connection.closed or (error.sqlstate or "08").startswith(_PASSING_CLASSES)

    async def _lock(self) -> bool:
        row = await (await self.connection.execute(_TRY_LOCK, [self._job_id])).fetchone()
        return bool(row and row[0])

    async def _locked_by(self) -> JobLocked:
        row = await (await self.connection.execute(_HOLDER, [self._job_id])).fetchone()
        holder = f"{row[0]}, since {row[1]:%Y-%m-%d %H:%M:%S %Z}" if row else "another process"
        return JobLocked(
            f"job {self._job_id} is being run by {holder}",
            hint="wait for it, stop it, or give this one another --job-id",
        )


def _readable(descriptor: int) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
