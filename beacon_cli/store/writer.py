"""Stores answers as they arrive: many in one commit if they arrive fast, none lost if the database goes away."""

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
from beacon_cli.store.rows import INSERT, SUPERSEDE, SUPERSEDES, Row
from beacon_cli.store.session import STATEMENT_SECONDS, Session

PATIENCE_SECONDS = 60.0
"""Seconds that a run waits for an unreachable database before it stops with exit code 3."""

# A network that drops everything never gives an error: give up a little later than the server would.
_SILENCE_SECONDS = STATEMENT_SECONDS + 10

_PATIENCE_IN_A_HURRY_SECONDS = 1.0
# After this time a row that waits for its commit is also in the journal.
_IN_MEMORY_SECONDS = 0.5
_SILENT_UNTIL_REPORTED_SECONDS = 2.0
# If the database was silent for longer, the lock may be lost without notice; another process needs longer than this to
# begin the job.
_RECENT_REPLY_SECONDS = 1.0


class State(Enum):
    """What a writer knows about its database. Only `Writer._move` changes it.

    The invariant: questions are asked only in `READY`; in `READY` and `CHECKED` no row has waited for its commit for
    more than half a second, and in the other states each waiting row is in the journal.
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
    """Commits rows in groups. `write` returns when its row is committed, so a barrier after it is reliable.

    The invariant: a row that was handed over is committed, or in the journal, or has been in memory for at most half a
    second; where the journal cannot be written, the operator is notified. It holds since all of this runs in one event
    loop: the task `_work` alone stores rows and restores the connection, a row leaves `_pending` after its commit only,
    and `_move` puts what waits into the journal as it leaves the states in which rows may be in memory.

    While the database does not reply, `ready` holds back new questions, and the connection is tried again until
    `PATIENCE_SECONDS` are over; see `State`. `notify` gets lines for the operator.
    """

    def __init__(self, session: Session, journal: Journal, notify: Callable[[str], None]) -> None:
        self._session = session
        self._journal = journal
        self._notify = notify
        self._loop = asyncio.get_running_loop()
        self._state = State.READY
        self._settled = asyncio.Event()
        self._settled.set()
        self._pending: list[_Pending] = []
        self._wake = asyncio.Event()
        self._last_reply_at = time.monotonic()
        self._reported = False
        self._failure: BeaconError | None = None
        self._unkept: JournalError | None = None
        self._patience = PATIENCE_SECONDS
        self._task = asyncio.create_task(self._work())

    async def write(self, row: Row) -> None:
        """Store a row. Raises `StoreError` if the database stayed unreachable; then the row is in the journal."""
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
        """Wait until the database and the lock on the job are there. Raises `StoreError` if it stayed unreachable."""
        while self._state is not State.READY or self._doubtful():
            await self.recover()

    async def recover(self) -> None:
        """Test the connection and restore it if necessary. Raises `StoreError` if it stayed unreachable."""
        if self._state is State.READY:
            self._move(State.CHECKED)
            self._wake.set()
        await self._settled.wait()
        if self._failure is not None:
            raise self._failure

    async def fetch(self, statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Run a statement that can safely run twice, and return its rows. Raises `StoreError`."""
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
                self._last_reply_at = time.monotonic()
                return rows
            await self.recover()

    def hurry(self) -> None:
        """From now on, wait only a moment for an unreachable database."""
        self._patience = min(self._patience, _PATIENCE_IN_A_HURRY_SECONDS)

    async def close(self) -> None:
        """Stop. Rows that are not stored yet go to the journal; raises `JournalError` if that fails."""
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
            self._report(f"the database went away; {self._whereabouts()}")
            await self._come_back(error)
        if any(pending.kept for pending in self._pending):
            self._wake.set()  # rows that arrived meanwhile are in the same journal
        elif self._state is not State.READY:
            self._back()

    def _back(self) -> None:
        """Continue: everything in the journal is stored."""
        try:
            self._journal.discard()
        except JournalError as error:
            self._notify(f"{error.message}; the next run removes it")
        self._unkept = None
        if self._reported:
            self._notify("the database is back; every answer is stored")
        self._reported = False
        self._move(State.READY)

    async def _come_back(self, error: psycopg.Error) -> None:
        """Restore the connection and store the waiting rows."""
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
        """Store the waiting rows: a single row directly, several in one pipeline, which is one transaction."""
        group = list(self._pending)
        with self._watched(group):
            async with _not_silent():
                await self._session.restore()
                await store_rows(self._session.connection, INSERT, [pending.row for pending in group])
        self._last_reply_at = time.monotonic()
        del self._pending[: len(group)]
        for pending in group:
            if not pending.stored.done():
                pending.stored.set_result(None)

    @contextlib.contextmanager
    def _watched(self, group: Sequence[_Pending]) -> Iterator[None]:
        """Notice a statement without a reply: its rows must not be only in memory."""
        now = self._loop.time()
        since = group[0].arrived if group else now
        timers = (
            self._loop.call_at(since + _IN_MEMORY_SECONDS, self._notice_silence),
            self._loop.call_at(now + _SILENT_UNTIL_REPORTED_SECONDS, self._report_silence),
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
        return self._session.in_doubt() or time.monotonic() > self._last_reply_at + _RECENT_REPLY_SECONDS

    def _end(self, error: BeaconError) -> None:
        """Make all waiting calls fail, permanently."""
        self._keep()
        self._failure = error if self._unkept is None else self._without_a_place(self._unkept, error)
        self._move(State.ENDED)
        pending, self._pending = self._pending, []
        for each in pending:
            if not each.stored.done():
                each.stored.set_exception(self._failure)

    def _keep(self) -> None:
        """Put the waiting rows into the journal; if that fails, the database may still come back in time."""
        new = [pending for pending in self._pending if not pending.kept]
        if not new:
            return
        try:
            self._journal.append([pending.row for pending in new])
        except JournalError as error:
            if self._unkept is None:
                self._notify(f"{error.message}; {_answers(len(new))} only in memory until the database is back")
                self._reported = True
            self._unkept = error
        else:
            self._unkept = None
            for pending in new:
                pending.kept = True

    def _report_silence(self) -> None:
        if self._state is State.SILENT:
            self._report(
                f"the database has not replied for {_SILENT_UNTIL_REPORTED_SECONDS:.0f} s; {self._whereabouts()},"
                " and no question is asked until it does"
            )

    def _report(self, text: str) -> None:
        self._reported = True
        self._notify(text)

    def _whereabouts(self) -> str:
        if self._unkept is None:
            return f"answers are kept in {self._journal.path}"
        return f"answers cannot be kept in {self._journal.path}, and are only in memory"

    def _without_a_place(self, unkept: JournalError, error: BeaconError | None = None) -> JournalError:
        """Return the error of a run that ends with answers that are neither stored nor in the journal."""
        lost = sum(not pending.kept for pending in self._pending)
        before = f"{error.message}; " if error is not None else ""
        return JournalError(
            f"{before}{unkept.message}; {_answers(lost)} lost, and will be asked again", hint=unkept.hint
        )


async def store_rows(connection: psycopg.AsyncConnection[Any], statement: str, rows: Sequence[Row]) -> int:
    """Run `statement` for each row, but `SUPERSEDE` for those that name an answer that they replace.

    Returns how many rows were written. The rows of each statement are one transaction. Without rows, it checks that the
    connection answers.
    """
    if not rows:
        await connection.execute("SELECT 1")
    replacing = [row for row in rows if row[SUPERSEDES] is not None]
    others = [row for row in rows if row[SUPERSEDES] is None]
    return await _executed(connection, statement, others) + await _executed(connection, SUPERSEDE, replacing)


async def _executed(connection: psycopg.AsyncConnection[Any], statement: str, rows: Sequence[Row]) -> int:
    if len(rows) > 1:
        async with connection.cursor() as cursor:
            await cursor.executemany(statement, rows)
            return cursor.rowcount
    return (await connection.execute(statement, rows[0])).rowcount if rows else 0


def _answers(count: int) -> str:
    return f"{quantity(count, 'answer')} {'is' if count == 1 else 'are'}"


@contextlib.asynccontextmanager
async def _not_silent() -> Any:
    try:
        async with asyncio.timeout(_SILENCE_SECONDS):
            yield
    except TimeoutError:
        raise psycopg.OperationalError(f"no answer from the database within {_SILENCE_SECONDS:.0f} s") from None
