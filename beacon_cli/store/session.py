"""One connection that holds a job's lock: while it is open, no other process runs the job."""

from __future__ import annotations

import asyncio
import hashlib
import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row

from beacon_cli.errors import JobLocked, LockLost, StoreError
from beacon_cli.store.address import Address, address_of
from beacon_cli.store.connect import AsyncConnection, open_async, store_error
from beacon_cli.store.job_locks import work_of

STATEMENT_SECONDS = 30.0
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('beacon job ' || %(job)s, 0))"
_HOLDERS = """
FROM (SELECT hashtextextended('beacon job ' || %(job)s, 0) AS key) AS job
JOIN pg_locks AS lock ON lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 1
 AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
 AND lock.classid = ((job.key >> 32) & 4294967295)::oid AND lock.objid = (job.key & 4294967295)::oid
JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
"""
_HOLDER = f"SELECT activity.application_name, activity.backend_start {_HOLDERS}"
_MYSELF = (
    "SELECT pid, backend_start AS started, application_name AS name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
)
# What goes away again by itself: a server that is stopped, restarted or out of connections, a cut connection, a lock,
# a statement that took too long, a deadlock.
_PASSING_CLASSES = ("08", "57", "53300", "55P03", "40001", "40P01")
# Ends our own previous connections if the server has not yet noticed that they are gone, and still holds the lock for
# them. Identified by more than the process id: after a restart of the server, another program may have that id.
_END_OLD_ONES = f"""
SELECT pg_terminate_backend(activity.pid) {_HOLDERS}
JOIN unnest(%(pids)s::int[], %(starts)s::timestamptz[], %(names)s::text[]) AS ours (pid, started, name)
  ON (activity.pid, activity.backend_start, activity.application_name) = (ours.pid, ours.started, ours.name)
"""
_OLD_ONE_MAY_TAKE_SECONDS = 5.0
_HOLDER_MAY_END_SECONDS = (0.05, 0.15, 0.3)


@dataclass(frozen=True, slots=True)
class _Backend:
    """A session as the server knows it: no two sessions have the same three values."""

    pid: int
    started: datetime
    name: str


class Session:
    """The connection of one run. Only this connection holds the lock on the job.

    `epoch` counts how often earlier reads may have become outdated: it rises when the lock was lost and taken back, and
    when a process without the lock stored answers of the job (`stored_elsewhere`). Reads in an earlier epoch say
    nothing about what is unanswered now.
    """

    def __init__(
        self, address: Address, job_id: str, connection: AsyncConnection, revive: Callable[[], object]
    ) -> None:
        self._address = address
        self._job_id = job_id
        self._revive = revive
        self._ours: list[_Backend] = []
        self.connection = connection
        self.epoch = 0

    @classmethod
    async def open(
        cls, url: str, job_id: str, revive: Callable[[], object] = lambda: None, name: str | None = None
    ) -> Session:
        """Connect and take the lock. Raises `JobLocked` naming the holder, or `StoreError`.

        `revive` is called in a thread before the connection is restored: it may start the server. `name` describes the
        holder to others, instead of its process id and host.
        """
        # How other runs see the holder; PostgreSQL keeps 63 bytes of it.
        name = name or f"process {os.getpid()} on {socket.gethostname()}"
        address = address_of(url, statement_timeout=f"{STATEMENT_SECONDS:.0f}s", name=name)
        try:
            session = cls(address, job_id, await open_async(address), revive)
        except psycopg.Error as error:
            raise store_error(error, address.parameters) from None
        try:
            if await session._introduced_and_locked() or await session._locked_soon():
                return session
            refused = await session._locked_by() or session._locked("another process")
        except psycopg.Error as error:
            refused = session.explain(error)
        await session.close()
        raise refused

    async def restore(self) -> None:
        """Ensure that there is a connection, and that it holds the lock.

        Raises `LockLost` if another process took the job meanwhile, and psycopg's errors: the caller decides whether to
        try again.
        """
        if not self.connection.closed:
            return
        try:
            await asyncio.to_thread(self._revive)
        except StoreError as error:
            raise psycopg.OperationalError(error.message) from error
        self.connection = await open_async(self._address)
        try:
            await self._take_back()
        except BaseException:  # an open connection has the lock
            await self.close()
            raise

    async def _take_back(self) -> None:
        give_up_at = time.monotonic() + _OLD_ONE_MAY_TAKE_SECONDS
        locked = await self._introduced_and_locked()
        while not locked:
            old_one_holds_it = await self._end_old_ones()
            locked = await self._lock()
            if not locked and (not old_one_holds_it or time.monotonic() > give_up_at):
                raise LockLost(
                    f"while the database was away, another process took over job {self._job_id}",
                    hint="let that process finish; answers not stored here are in the journal, for the next run",
                )
            if not locked:
                await asyncio.sleep(0.05)

    def in_doubt(self) -> bool:
        """Return whether the connection may be lost: it is closed, or received data without a request."""
        connection = self.connection
        return connection.closed or (not connection.lock.locked() and _readable(connection.fileno()))

    async def close(self) -> None:
        """Close the connection, which frees the lock."""
        await self.connection.close()

    def explain(self, error: psycopg.Error) -> StoreError:
        """Return an error of this connection as a `BeaconError`."""
        return store_error(error, self._address.parameters)

    def passing(self, error: psycopg.Error) -> bool:
        """Return whether trying again later may help."""
        return self.connection.closed or (error.sqlstate or "08").startswith(_PASSING_CLASSES)

    async def _introduced_and_locked(self) -> bool:
        """Take the lock on a new connection, if it is free. It is notified of answers before anything is read on it."""
        async with self.connection.cursor(row_factory=class_row(_Backend)) as cursor:
            self._ours += await (await cursor.execute(_MYSELF)).fetchall()
        self.connection.add_notify_handler(self._on_notify)
        await self.connection.execute(f'LISTEN "{channel_of(self._job_id)}"'.encode())
        return await self._lock()

    def _on_notify(self, notify: psycopg.Notify) -> None:
        if notify.pid != self._ours[-1].pid:
            self.epoch += 1

    async def _lock(self) -> bool:
        row = await (await self.connection.execute(_TRY_LOCK, {"job": self._job_id})).fetchone()
        if locked := bool(row and row[0]):
            self.epoch += 1
            self._ours = self._ours[-1:]
        return locked

    async def _locked_soon(self) -> bool:
        """Take the lock if its holder ends just now: PostgreSQL frees it a moment after the process has ended."""
        for seconds in _HOLDER_MAY_END_SECONDS:
            await asyncio.sleep(seconds)
            if await self._lock():
                return True
        return False

    async def _end_old_ones(self) -> bool:
        """End our own previous connections that hold the lock; return whether there were any."""
        old = self._ours[:-1]
        parameters = {
            "job": self._job_id,
            "pids": [backend.pid for backend in old],
            "starts": [backend.started for backend in old],
            "names": [backend.name for backend in old],
        }
        return bool(await (await self.connection.execute(_END_OLD_ONES, parameters)).fetchall())

    async def _locked_by(self) -> StoreError | None:
        """Return an error that names the holder of the lock; None if nobody holds it any more."""
        row = await (await self.connection.execute(_HOLDER, {"job": self._job_id})).fetchone()
        if row is None:
            return None
        holder = row[0] or "another process"  # of another role, whose sessions not everybody sees
        since = f", since {row[1]:%Y-%m-%d %H:%M:%S %Z}" if row[1] else ""
        return self._locked(holder, since)

    def _locked(self, holder: str, since: str = "") -> JobLocked:
        return JobLocked(
            f"job {self._job_id} is {work_of(holder)}{since}",
            hint="wait for it, stop it, or use another --job-id",
        )


def channel_of(job_id: str) -> str:
    """Return the channel that notifies the holder of a job when another process stored answers of it."""
    return f"beacon_job_{hashlib.sha256(job_id.encode()).hexdigest()[:32]}"


def _readable(descriptor: int) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
