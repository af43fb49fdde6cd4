"""Storing answers as they arrive: many in one commit when they come fast, none lost when the database goes away."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence

import psycopg

from beacon_cli.errors import BeaconError
from beacon_cli.store.journal import Journal
from beacon_cli.store.rows import INSERT, Row
from beacon_cli.store.session import Session

_Group = list[tuple[Row, asyncio.Future[None]]]

PATIENCE_SECONDS = 60.0
"""How long a run waits for a database that went away before it stops with exit code 3."""


class Writer:
    """Commits rows in groups. `write` returns when its row is committed, so a barrier behind it is a true one.

    While the database is away, rows go to the journal first, `ready` holds back new questions, and the connection is
    tried again until `PATIENCE_SECONDS` are over. `tell` is called with a line for the operator.
    """

    def __init__(self, session: Session, journal: Journal, tell: Callable[[str], None]) -> None:
        self._session = session
        self._journal = journal
        self._tell = tell
        self._waiting: _Group = []
        self._wake = asyncio.Event()
        self._connected = asyncio.Event()
        self._connected.set()
        self._failure: BeaconError | None = None
        self._task = asyncio.create_task(self._work())

    async def write(self, row: Row) -> None:
        """Store a row. Raises `StoreError` when the database stayed away; the row is then in the journal."""
        if self._failure is not None:
            self._journal.append([row])
            raise self._failure
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((row, future))
        self._wake.set()
        await future

    async def ready(self) -> None:
        """Wait until the database is there. Raises `StoreError` when it stayed away."""
        await self._connected.wait()
        if self._failure is not None:
            raise self._failure

    async def recover(self) -> None:
        """Have the connection tried and, if need be, brought back. Raises `StoreError` when it stayed away."""
        self._connected.clear()
        self._wake.set()
        await self.ready()

    async def close(self) -> None:
        """Stop. Nobody may be waiting in `write` any more."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            group: _Group = []
            self._take(group)
            try:
                await self._store(group)
            except BeaconError as error:
                self._fail(error, group)
                return
            for _, future in group:
                if not future.done():
                    future.set_result(None)

    def _take(self, group: _Group) -> list[Row]:
        """Move the rows that wait into `group` and return them."""
        arrived, self._waiting = self._waiting, []
        group += arrived
        return [row for row, _ in arrived]

    async def _store(self, group: _Group) -> None:
        try:
            await self._insert([row for row, _ in group])
        except psycopg.Error as error:
            self._connected.clear()
            self._journal.append([row for row, _ in group])
            if not self._session.passing(error):
                raise self._session.explain(error) from None
            self._tell(f"the database went away; answers are kept in {self._journal.path}")
            await self._come_back(error, group)
            self._journal.discard()
            self._tell("the database is back; every answer is stored")
        self._connected.set()

    async def _come_back(self, error: psycopg.Error, group: _Group) -> None:
        """Connect again and store the group, which grows by the answers that arrive in the meantime."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        pause = 0.1
        while time.monotonic() < give_up_at:
            await asyncio.sleep(pause)
            pause = min(pause * 1.6, 3.0)
            if arrived := self._take(group):
                self._journal.append(arrived)
            try:
                await self._session.reopen()
                await self._insert([row for row, _ in group])
                return
            except psycopg.Error as again:
                error = again
                if not self._session.passing(error):
                    break
        raise self._session.explain(error) from None

    async def _insert(self, rows: Sequence[Row]) -> None:
        connection = self._session.connection
        async with connection.transaction(), connection.cursor() as cursor:
            if rows:
                await cursor.executemany(INSERT, rows)
            else:
                await cursor.execute("SELECT 1")

    def _fail(self, error: BeaconError, group: _Group) -> None:
        try:
            if late := self._take(group):
                self._journal.append(late)
        except BeaconError as journal_error:
            error = journal_error
        self._failure = error
        self._connected.set()
        for _, future in group:
            if not future.done():
                future.set_exception(error)
