"""One connection that holds a job's lock: as long as it lives, no other process runs the job."""

from __future__ import annotations

from typing import Any

import psycopg

from beacon_cli.errors import JobLocked, LockLost, StoreError
from beacon_cli.store.connect import connection_parameters, store_error

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('beacon job ' || %s, 0))"
_HOLDER = """
SELECT host, pid, started_at FROM runs
WHERE job_id = %s AND ended_at IS NULL ORDER BY started_at DESC LIMIT 1
"""
# What goes away again by itself: a server that is stopped, restarted or out of connections, a cut connection, a lock.
_PASSING_CLASSES = ("08", "57", "53300", "55P03")


class Session:
    """The connection of one run. Statements on it are what holds the lock on the job, and nothing else."""

    def __init__(self, parameters: dict[str, str], job_id: str, connection: Connection) -> None:
        self._parameters = parameters
        self._job_id = job_id
        self.connection = connection

    @classmethod
    async def open(cls, url: str, job_id: str) -> Session:
        """Connect and take the lock. Raises `JobLocked` naming the holder, or `StoreError`."""
        parameters = connection_parameters(url, statement_timeout="60s")
        try:
            session = cls(parameters, job_id, await _connect(parameters))
        except psycopg.Error as error:
            raise store_error(error, parameters) from None
        try:
            if await session._lock():
                return session
            refused: StoreError = await session._locked_by()
        except psycopg.Error as error:
            refused = session.explain(error)
        await session.close()
        raise refused

    async def reopen(self) -> None:
        """Connect again after the connection was cut. Raises `LockLost` if another process took the job meanwhile.

        Errors of psycopg pass: the caller decides whether to try again.
        """
        await self.connection.close()
        self.connection = await _connect(self._parameters)
        if not await self._lock():
            raise LockLost(
                f"while the database was away, another process took job {self._job_id}",
                hint="let that one finish; this one's answers are kept in the journal",
            )

    async def close(self) -> None:
        """Close the connection, and with it free the lock."""
        await self.connection.close()

    def explain(self, error: psycopg.Error) -> StoreError:
        """Return what to tell of an error on this connection."""
        return store_error(error, self._parameters)

    def passing(self, error: psycopg.Error) -> bool:
        """Whether trying again later may help."""
        return self.connection.closed or (error.sqlstate or "08").startswith(_PASSING_CLASSES)

    async def _lock(self) -> bool:
        row = await (await self.connection.execute(_TRY_LOCK, [self._job_id])).fetchone()
        return bool(row and row[0])

    async def _locked_by(self) -> JobLocked:
        row = await (await self.connection.execute(_HOLDER, [self._job_id])).fetchone()
        holder = f"process {row[1]} on {row[0]}, since {row[2]:%Y-%m-%d %H:%M:%S %Z}" if row else "another process"
        return JobLocked(
            f"job {self._job_id} is being run by {holder}",
            hint="wait for it, stop it, or give this one another --job-id",
        )


async def _connect(parameters: dict[str, str]) -> Connection:
    return await psycopg.AsyncConnection.connect(**parameters, autocommit=True)  # type: ignore[arg-type]
