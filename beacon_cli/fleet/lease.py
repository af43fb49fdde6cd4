"""A worker's lease: a row with its heartbeat, and an advisory lock that ends with its connection."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Sequence

import psycopg

from beacon_cli import __version__
from beacon_cli.errors import LeaseLost
from beacon_cli.fleet.worker_names import session_name
from beacon_cli.store.address import address_of
from beacon_cli.store.connect import PASSING, AsyncConnection, open_async, store_error
from beacon_cli.store.queries import query

BEAT_SECONDS = 0.5
# How long a worker continues without its database before it gives up, as a run does.
PATIENCE_SECONDS = 60.0
_SILENCE_SECONDS = 10.0

_ADD = "INSERT INTO fleet_workers (id, host, pid, version, jobs) VALUES (%s, %s, %s, %s, %s)"
_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('beacon worker ' || %s, 0))"
_LEAVE = "UPDATE fleet_workers SET lost_at = clock_timestamp(), draining = true WHERE id = %s AND lost_at IS NULL"
_EXCUSE = "UPDATE fleet_workers SET draining = true WHERE id = %s AND lost_at IS NULL"
_END_OLD_ONE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND application_name = %s"


def new_worker_id() -> str:
    """Return a unique id, short enough for `application_name` with a word before it."""
    return f"{socket.gethostname()[:30]}-{os.getpid()}-{secrets.token_hex(3)}"


class Lease:
    """What other workers see of this one. `beat` gets, after each heartbeat, how long they have been uninterrupted."""

    def __init__(self, url: str, worker_id: str) -> None:
        self.id = worker_id
        self.draining = False
        self._name = session_name(worker_id)
        self._address = address_of(url, statement_timeout="10s", name=self._name)
        self._left = False
        self._connection: AsyncConnection | None = None
        self._server_pid = 0

    async def take(self, jobs: int, caps: Sequence[tuple[str, int]]) -> None:
        """Register this worker and store the caps: those of the worker that started last apply to all."""
        try:
            connection = await self._connect()
            async with connection.transaction():
                await connection.execute(_ADD, [self.id, socket.gethostname(), os.getpid(), __version__, jobs])
                async with connection.cursor() as cursor:
                    await cursor.executemany(query("fleet", "set_cap"), caps)
        except psycopg.Error as error:
            raise store_error(error, self._address.parameters) from None

    async def keep(self, beat: Callable[[AsyncConnection, float], Awaitable[None]]) -> None:
        """Keep the lease until `leave`.

        Raises `LeaseLost` if others declared this worker lost, and `StoreError` for errors that do not pass by
        themselves.
        """
        healthy_since = last = time.monotonic()
        while not self._left:
            try:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    connection = await self._connected()
                    await self._heartbeat(connection)
                    await beat(connection, time.monotonic() - healthy_since)
                last = time.monotonic()
            except (*PASSING, TimeoutError) as error:
                await self.close()
                if time.monotonic() - last > PATIENCE_SECONDS:
                    raise LeaseLost(f"the database was unreachable for {PATIENCE_SECONDS:.0f} s") from error
                healthy_since = time.monotonic()
            except psycopg.Error as error:
                raise store_error(error, self._address.parameters) from None
            await asyncio.sleep(BEAT_SECONDS)

    async def leave(self) -> None:
        """Record that this worker is gone, so that the others do not have to wait to be sure."""
        self._left = True
        async with asyncio.timeout(_SILENCE_SECONDS):
            await (await self._connected()).execute(_LEAVE, [self.id])

    async def excuse_jobs(self) -> None:
        """Record, if possible immediately, that no job is to blame for the end of this worker."""
        if self._connection is not None and not self._connection.closed:
            with contextlib.suppress(psycopg.Error, TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._connection.execute(_EXCUSE, [self.id])

    async def close(self) -> None:
        """Close the connection, which frees the lock."""
        if self._connection is not None:
            await self._connection.close()

    async def _heartbeat(self, connection: AsyncConnection) -> None:
        answer = await connection.execute(query("fleet", "heartbeat"), {"worker": self.id, "draining": self.draining})
        if await answer.fetchone() is None and not self._left:
            raise LeaseLost("the other workers declared this worker lost, and took over its jobs")

    async def _connected(self) -> AsyncConnection:
        if self._connection is None or self._connection.closed:
            return await self._connect()
        return self._connection

    async def _connect(self) -> AsyncConnection:
        connection = await open_async(self._address)
        try:
            while not await _locked(connection, self.id):  # by our previous connection, which the server still holds
                await connection.execute(_END_OLD_ONE, [self._server_pid, self._name])
                await asyncio.sleep(0.05)
        except BaseException:
            await connection.close()
            raise
        self._connection, self._server_pid = connection, connection.server_pid
        return connection


async def _locked(connection: AsyncConnection, worker_id: str) -> bool:
    row = await (await connection.execute(_LOCK, [worker_id])).fetchone()
    return bool(row and row[0])
