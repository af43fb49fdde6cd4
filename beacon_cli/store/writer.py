"""Storing answers as they arrive: many in one commit when they come fast, none lost when the database goes away."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import psycopg

from beacon_cli.console.formatting import quantity
from beacon_cli.errors import BeaconError, JournalError, StoreError
from beacon_cli.pauses import pauses
from beacon_cli.store.journal import Journal
from beacon_cli.store.rows import INSERT, Row
from beacon_cli.store.session import STATEMENT_SECONDS, Session

PATIENCE_SECONDS = 60.0
"""How long a run waits for a database that went away before it stops with exit code 3."""

# A network that swallows everything never gives an error: give up a little after the server would have.
_SILENCE_SECONDS = STATEMENT_SECONDS + 10

_PATIENCE_IN_A_HURRY_SECONDS = 1.0
# From then on a row that waits for its commit is in the journal, too.
_IN_MEMORY_SECONDS = 0.5
_SILENT_UNTIL_SAID_SECONDS = 2.0
# Whoever was not heard of for longer may have lost the lock without a word; another process needs longer than this to
# begin with the job.
_HEARD_OF_SECONDS = 1.0


class State(Enum):
    """What a writer knows of its database. `Writer._move` is the only place that changes it.

    The invariant: something is asked in `READY` only; in `READY` and `CHECKED` no row has waited for its commit for
    longer than half a second, and in the other states each row that waits is in the journal.
    """

    READY = "the database was heard of within the last second, and the lock on the job is held"
    CHECKED = "the connection is asked whether it is still there"
    SILENT = "a statement has had no reply for half a second, and is waited for"
    AWAY = "a statement failed, and the connection is tried again"
    ENDED = "the database stayed away, or refused: nothing is stored any more"


_IN_MEMORY = frozenset({State.READY, State.CHECKED})


@dataclass(slots=True, eq=False)
class _Pending:
    """A row that waits for its commit, since `arrived` on the event loop's clock."""

    row: Row
    stored: asyncio.Future[None]
    arrived: float
    kept: bool = False


class Writer:
    """Commits rows in groups. `write` returns when its row is committed, so a barrier behind it is a true one.

    The invariant: a row that was handed over is committed, or in the journal, or has been in memory for at most half a
    second; where the journal cannot be written, the operator is told so. It holds since all of this runs in one event
    loop: the task `_work` alone stores rows and restores the connection, a row leaves `_pending` after its commit only,
    and `_move` puts what waits into the journal as it leaves the states in which rows may be in memory.

    While the database does not reply, `ready` holds back new questions, and the connection is tried again until
    `PATIENCE_SECONDS` are over; see `State`. `tell` is called with a line for the operator.
    """

    def __init__(self, session: Session, journal: Journal, tell: Callable[[str], None]) -> None:
        self._session = session
        self._journal = journal
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._state = State.READY
        self._settled = asyncio.Event()
        self._settled.set()
        self._pending: list[_Pending] = []
        self._wake = asyncio.Event()
        self._heard_at = time.monotonic()
        self._said = False
        self._failure: BeaconError | None = None
        self._unkept: JournalError | None = None
        self._patience = PATIENCE_SECONDS
        self._task = asyncio.create_task(self._work())

    async def write(self, row: Row) -> None:
        """Store a row. Raises `StoreError` when the database stayed away; the row is then in the journal."""
        if self._failure is not None:
            self._journal.append([row])
            raise self._failure
        pending = _Pending(row, self._loop.create_future(), self._loop.time())
        self._pending.append(pending)
        if self._state not in _IN_MEMORY:
            self._keep()
        self._wake.set()
        await pending.stored

    async def ready(self) -> None:
        """Wait until the database is there, the lock on the job included. Raises `StoreError` when it stayed away."""
        while self._state is not State.READY or self._doubtful():
            await self.recover()

    async def recover(self) -> None:
        """Have the connection tried and, if need be, brought back. Raises `StoreError` when it stayed away."""
        if self._state is State.READY:
            self._move(State.CHECKED)
            self._wake.set()
        await self._settled.wait()
        if self._failure is not None:
            raise self._failure

    async def fetch(self, statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement that may safely be run twice, and return its rows. Raises `StoreError`."""
        give_up_at = time.monotonic() + self._patience
        while True:
            await self.ready()
            try:
                async with _not_silent():
                    rows = await (await self._session.connection.execute(statement, parameters)).fetchall()
            except psycopg.Error as error:
                if not self._session.passing(error) or time.monotonic() > give_up_at:
                    raise self._session.explain(error) from None
            else:
                self._heard_at = time.monotonic()
                return rows
            await self.recover()

    def hurry(self) -> None:
        """From now on, wait for a database that went away for moments only."""
        self._patience = min(self._patience, _PATIENCE_IN_A_HURRY_SECONDS)

    async def close(self) -> None:
        """Stop. What was handed over and is not stored yet goes to the journal; raises `JournalError` if it cannot."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._keep()
        if self._unkept is not None and self._failure is None:
            raise self._without_a_place(self._unkept)

    def _move(self, state: State) -> None:
        self._state = state
        if state in {State.READY, State.ENDED}:
            self._settled.set()
        else:
            self._settled.clear()
        if state not in _IN_MEMORY:
            self._keep()

    async def _work(self) -> None:
        while self._failure is None:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._store()
            except BeaconError as error:
                self._end(error)
            except Exception as error:
                self._end(StoreError(f"storing answers failed: {type(error).__name__}: {error}"))

    async def _store(self) -> None:
        try:
            await self._insert()
        except psycopg.Error as error:
            self._move(State.AWAY)
            if not self._session.passing(error):
                raise self._session.explain(error) from None
            self._say(f"the database went away; {self._whereabouts()}")
            await self._come_back(error)
        if any(pending.kept for pending in self._pending):
            self._wake.set()  # what arrived meanwhile is in the same journal
        elif self._state is not State.READY:
            self._back()

    def _back(self) -> None:
        """Go on: all that is in the journal is stored."""
        try:
            self._journal.discard()
        except JournalError as error:
            self._tell(f"{error.message}; the next run removes it")
        self._unkept = None
        if self._said:
            self._tell("the database is back; every answer is stored")
        self._said = False
        self._move(State.READY)

    async def _come_back(self, error: psycopg.Error) -> None:
        """Restore the connection and store what is there by then."""
        began = time.monotonic()
        waits = pauses(0.1, longest=3.0)
        while time.monotonic() < began + self._patience and self._session.passing(error):
            await asyncio.sleep(next(waits))
            self._keep()
            try:
                await self._insert()
                return
            except psycopg.Error as again:
                error = again
        raise self._session.explain(error) from None

    async def _insert(self) -> None:
        """Store what waits: one row by itself, several in one pipeline, which is one transaction."""
        group = list(self._pending)
        with self._watched(group):
            async with _not_silent():
                await self._session.restore()
                await store_rows(self._session.connection, INSERT, [pending.row for pending in group])
        self._heard_at = time.monotonic()
        del self._pending[: len(group)]
        for pending in group:
            if not pending.stored.done():
                pending.stored.set_result(None)

    @contextlib.contextmanager
    def _watched(self, group: Sequence[_Pending]) -> Iterator[None]:
        """Notice that a statement has no reply: its rows must not be in memory only."""
        now = self._loop.time()
        since = group[0].arrived if group else now
        timers = (
            self._loop.call_at(since + _IN_MEMORY_SECONDS, self._notice_silence),
            self._loop.call_at(now + _SILENT_UNTIL_SAID_SECONDS, self._say_silent),
        )
        try:
            yield
        finally:
            for timer in timers:
                timer.cancel()

    def _notice_silence(self) -> None:
        if self._state in _IN_MEMORY:
            self._move(State.SILENT)

    def _doubtful(self) -> bool:
        return self._session.in_doubt() or time.monotonic() > self._heard_at + _HEARD_OF_SECONDS

    def _end(self, error: BeaconError) -> None:
        """Let everybody who waits fail, for good."""
        self._keep()
        self._failure = error if self._unkept is None else self._without_a_place(self._unkept, error)
        self._move(State.ENDED)
        pending, self._pending = self._pending, []
        for each in pending:
            if not each.stored.done():
                each.stored.set_exception(self._failure)

    def _keep(self) -> None:
        """Put what waits into the journal; where it fails, the database may still come back in time."""
        new = [pending for pending in self._pending if not pending.kept]
        if not new:
            return
        try:
            self._journal.append([pending.row for pending in new])
        except JournalError as error:
            if self._unkept is None:
                self._tell(f"{error.message}; {_answers(len(new))} in memory only until the database is back")
                self._said = True
            self._unkept = error
        else:
            self._unkept = None
            for pending in new:
                pending.kept = True

    def _say_silent(self) -> None:
        if self._state is State.SILENT:
            self._say(
                f"the database has not replied for {_SILENT_UNTIL_SAID_SECONDS:.0f} s; {self._whereabouts()},"
                " and nothing is asked until it does"
            )

    def _say(self, text: str) -> None:
        self._said = True
        self._tell(text)

    def _whereabouts(self) -> str:
        if self._unkept is None:
            return f"answers are kept in {self._journal.path}"
        return f"answers cannot be kept in {self._journal.path}, and are in memory only"

    def _without_a_place(self, unkept: JournalError, error: BeaconError | None = None) -> JournalError:
        """Return the error of a run that ends with answers that are neither stored nor kept."""
        lost = sum(not pending.kept for pending in self._pending)
        before = f"{error.message}; " if error is not None else ""
        return JournalError(
            f"{before}{unkept.message}; {_answers(lost)} lost, and will be asked again", hint=unkept.hint
        )


async def store_rows(connection: psycopg.AsyncConnection[Any], statement: str, rows: Sequence[Row]) -> int:
    """Run `statement` for each row, in one transaction, and return how many rows it wrote.

    Without rows, see that the connection answers.
    """
    if len(rows) > 1:
        async with connection.cursor() as cursor:
            await cursor.executemany(statement, rows)
            return cursor.rowcount
    if rows:
        return (await connection.execute(statement, rows[0])).rowcount
    await connection.execute("SELECT 1")
    return 0


def _answers(count: int) -> str:
    return f"{quantity(count, 'answer')} {'is' if count == 1 else 'are'}"


@contextlib.asynccontextmanager
async def _not_silent() -> Any:
    try:
        async with asyncio.timeout(_SILENCE_SECONDS):
            yield
    except TimeoutError:
        raise psycopg.OperationalError(f"no answer from the database within {_SILENCE_SECONDS:.0f} s") from None
