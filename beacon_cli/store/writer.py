"""Storing answers as they arrive: many in one commit when they come fast, none lost when the database goes away."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from beacon_cli.errors import BeaconError, JournalError, StoreError
from beacon_cli.store.journal import Journal
from beacon_cli.store.rows import INSERT, Row
from beacon_cli.store.session import STATEMENT_SECONDS, Session

PATIENCE_SECONDS = 60.0
"""How long a run waits for a database that went away before it stops with exit code 3."""

# A network that swallows everything never gives an error: give up a little after the server would have.
_SILENCE_SECONDS = STATEMENT_SECONDS + 10

_PATIENCE_IN_A_HURRY_SECONDS = 1.0

_Group = list[tuple[Row, "asyncio.Future[None]"]]


class Writer:
    """Commits rows in groups. `write` returns when its row is committed, so a barrier behind it is a true one.

    While the database is away, rows go to the journal at once, `ready` holds back new questions, and the connection is
    tried again until `PATIENCE_SECONDS` are over. `tell` is called with a line for the operator.
    """

    def __init__(self, session: Session, journal: Journal, tell: Callable[[str], None]) -> None:
        self._session = session
        self._journal = journal
        self._tell = tell
        self._waiting: _Group = []
        self._storing: _Group = []
        self._wake = asyncio.Event()
        self._connected = asyncio.Event()
        self._connected.set()
        self._failure: BeaconError | None = None
        self._unkept: JournalError | None = None
        self._patience = PATIENCE_SECONDS
        self._task = asyncio.create_task(self._work())

    async def write(self, row: Row) -> None:
        """Store a row. Raises `StoreError` when the database stayed away; the row is then in the journal."""
        if self._failure is not None:
            self._journal.append([row])
            raise self._failure
        if not self._connected.is_set():
            self._keep([row])
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((row, future))
        self._wake.set()
        await future

    async def ready(self) -> None:
        """Wait until the database is there, the lock on the job included. Raises `StoreError` when it stayed away."""
        if self._failure is None and self._connected.is_set() and self._session.in_doubt():
            await self.recover()
        await self._connected.wait()
        if self._failure is not None:
            raise self._failure

    async def recover(self) -> None:
        """Have the connection tried and, if need be, brought back. Raises `StoreError` when it stayed away."""
        if self._failure is None:
            self._connected.clear()
            self._wake.set()
            await self._connected.wait()
        if self._failure is not None:
            raise self._failure

    async def fetch(self, statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement that may safely be run twice, and return its rows. Raises `StoreError`."""
        give_up_at = time.monotonic() + self._patience
        while True:
            await self.ready()
            try:
                async with _not_silent():
                    return await (await self._session.connection.execute(statement, parameters)).fetchall()
            except psycopg.Error as error:
                if not self._session.passing(error) or time.monotonic() > give_up_at:
                    raise self._session.explain(error) from None
            await self.recover()

    def hurry(self) -> None:
        """From now on, wait for a database that went away for moments only."""
        self._patience = min(self._patience, _PATIENCE_IN_A_HURRY_SECONDS)

    async def close(self) -> None:
        """Stop. What was handed over and is not stored yet goes to the journal."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if left := [row for row, _ in (*self._storing, *self._waiting)]:
            self._journal.append(left)

    async def _work(self) -> None:
        while self._failure is None:
            await self._wake.wait()
            self._wake.clear()
            self._take()
            try:
                await self._store()
            except BeaconError as error:
                self._end(error)
            except Exception as error:
                self._end(StoreError(f"storing answers failed: {type(error).__name__}: {error}"))
            else:
                self._end(None)

    def _take(self) -> None:
        """Move the rows that wait to those that are being stored."""
        self._storing += self._waiting
        self._waiting = []

    def _end(self, failure: BeaconError | None) -> None:
        """Let everybody who waits go on, or fail."""
        if failure is not None:
            self._take()
            self._keep([row for row, _ in self._storing])
            self._failure = self._unkept or failure
        group, self._storing = self._storing, []
        self._connected.set()
        for _, future in group:
            if future.done():
                continue
            if self._failure is None:
                future.set_result(None)
            else:
                future.set_exception(self._failure)

    async def _store(self) -> None:
        try:
            await self._insert()
        except psycopg.Error as error:
            self._connected.clear()
            self._take()
            self._keep([row for row, _ in self._storing])
            if not self._session.passing(error):
                raise self._session.explain(error) from None
            self._tell(f"the database went away; answers are kept in {self._journal.path}")
            await self._come_back(error)
            self._journal.discard()
            self._unkept = None
            self._tell("the database is back; every answer is stored")

    async def _come_back(self, error: psycopg.Error) -> None:
        """Restore the connection and store what is there by then."""
        began = time.monotonic()
        pause = 0.1
        while time.monotonic() < began + self._patience and self._session.passing(error):
            await asyncio.sleep(pause)
            pause = min(pause * 1.6, 3.0)
            self._take()
            try:
                await self._insert()
                return
            except psycopg.Error as again:
                error = again
        raise self._session.explain(error) from None

    async def _insert(self) -> None:
        """Store the group: one row by itself, several in one pipeline, which is one transaction."""
        rows = [row for row, _ in self._storing]
        async with _not_silent():
            await self._session.restore()
            await store_rows(self._session.connection, INSERT, rows)

    def _keep(self, rows: Sequence[Row]) -> None:
        """Put rows into the journal; where it fails, the database may still come back in time."""
        try:
            if rows:
                self._journal.append(rows)
        except JournalError as error:
            self._unkept = error
            self._tell(error.message)


async def store_rows(connection: psycopg.AsyncConnection[Any], statement: str, rows: Sequence[Row]) -> None:
    """Run `statement` for each row, in one transaction; without rows, see that the connection answers."""
    if len(rows) > 1:
        async with connection.cursor() as cursor:
            await cursor.executemany(statement, rows)
    elif rows:
        await connection.execute(statement, rows[0])
    else:
        await connection.execute("SELECT 1")


@contextlib.asynccontextmanager
async def _not_silent() -> Any:
    try:
        async with asyncio.timeout(_SILENCE_SECONDS):
            yield
    except TimeoutError:
        raise psycopg.OperationalError(f"no answer from the database within {_SILENCE_SECONDS:.0f} s") from None
