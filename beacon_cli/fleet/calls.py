"""The slots that all workers share: a call of any job takes one slot of its region and one of the account.

A region in trouble is paused for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from beacon_cli.fleet.shared_regions import Report, SharedRegion, report, shared_region
from beacon_cli.fleet.worker_names import session_name
from beacon_cli.store.address import address_of
from beacon_cli.store.connect import PASSING, AsyncConnection, open_async
from beacon_cli.store.queries import query

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('beacon fleet calls', 0))"
_MOST_IDLE = "SET idle_in_transaction_session_timeout = '4s'"
# Each grant is notified immediately; this is for a notification that was lost with its connection.
_LOOK_SECONDS = 1.0
_RECONNECT_SECONDS = 0.3
# How much waiting time one step of priority is worth. So a call that goes later never starves.
STEP_SECONDS = 60.0


Follower = Callable[[Mapping[str, SharedRegion]], None]
"""Gets the regions in trouble, by label, as often as they are read; an empty mapping when all are open again."""


class NotNow(Exception):
    """The region was paused before the call got its slot."""


@dataclass(slots=True)
class _Call:
    job_id: str
    region: str
    head_start: float
    ends_by: float
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    is_check: bool = False
    withdrawn: bool = False
    granted: asyncio.Event = field(default_factory=asyncio.Event)


class Calls:
    """One worker's place in the line for slots. Its requests and releases are sent together, one turn at a time.

    Every statement of a turn can be repeated: a connection that is cut in the middle changes nothing.
    """

    def __init__(self, url: str, worker_id: str) -> None:
        self._address = address_of(url, statement_timeout="30s", name=session_name(worker_id))
        self._worker_id = worker_id
        self._waiting: dict[uuid.UUID, _Call] = {}
        self._asking: list[_Call] = []
        self._done: list[uuid.UUID] = []
        self._reports: list[Report] = []
        self._followers: list[Follower] = []
        self._in_trouble: dict[str, SharedRegion] = {}
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()

    @asynccontextmanager
    async def slot(self, job_id: str, region: str, priority: int, ends_by: float) -> AsyncIterator[bool]:
        """Hold a slot of a region, by its label; after `ends_by` seconds the call is certainly over.

        Yields whether it is the check call of a paused region. Raises `NotNow`.
        """
        call = _Call(job_id, region, priority * STEP_SECONDS, ends_by)
        self._waiting[call.id] = call
        self._asking.append(call)
        self._wake.set()
        try:
            await call.granted.wait()
            if call.withdrawn:
                raise NotNow
            yield call.is_check
        finally:
            self._waiting.pop(call.id, None)
            self._done.append(call.id)
            self._wake.set()

    def report(self, met: Report) -> None:
        """Report what a call met in a region that is in trouble, or is now."""
        self._reports.append(met)
        self._wake.set()

    def follow(self, follower: Follower) -> None:
        """Pass the regions in trouble to `follower` from now on."""
        self._followers.append(follower)
        follower(self._in_trouble)
        self._wake.set()

    def unfollow(self, follower: Follower) -> None:
        """Pass nothing to `follower` any more."""
        if follower in self._followers:
            self._followers.remove(follower)

    async def settled(self) -> None:
        """Wait until the database knows about every released slot."""
        self._idle.clear()
        self._wake.set()
        await self._idle.wait()

    async def take_turns(self) -> None:
        """Take turns until cancelled; while the database is unreachable, no call gets a slot."""
        while True:
            with contextlib.suppress(*PASSING):
                async with await self._connect() as connection:
                    while True:
                        await self._turn(connection)
                        await self._until_something_happens(connection)
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _connect(self) -> AsyncConnection:
        connection = await open_async(self._address)
        # A worker that is suspended within its turn must not block the others.
        await connection.execute(_MOST_IDLE)
        # The counts must be read after the lock was taken.
        await connection.set_isolation_level(psycopg.IsolationLevel.READ_COMMITTED)
        connection.add_notify_handler(_forget)  # otherwise psycopg keeps all of them
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(f"beacon {self._worker_id}")))
        self._asking = list(self._waiting.values())
        return connection

    async def _until_something_happens(self, connection: AsyncConnection) -> None:
        """Wait for a request or a release, or for a notification of the database."""
        loop, descriptor = asyncio.get_running_loop(), connection.fileno()
        loop.add_reader(descriptor, self._wake.set)
        try:
            waits = any(not call.granted.is_set() for call in self._waiting.values())
            waits = waits or bool(self._in_trouble and self._followers)
            async with asyncio.timeout(_LOOK_SECONDS if waits else None):
                await self._wake.wait()
        except TimeoutError:
            pass
        finally:
            loop.remove_reader(descriptor)
        self._wake.clear()

    async def _turn(self, connection: AsyncConnection) -> None:
        asking, done, reports = self._asking, self._done, self._reports
        self._asking, self._done, self._reports = [], [], []
        try:
            asking = [call for call in asking if call.id in self._waiting]
            rows = await self._exchange(connection, asking, done, reports)
        except BaseException:
            self._done = done + self._done
            self._reports = reports + self._reports
            raise
        in_trouble = {}
        for call_id, is_check, trouble in rows:
            if trouble is not None:
                in_trouble[trouble["region"]] = shared_region(trouble)
            elif (call := self._waiting.get(call_id)) is not None:
                call.is_check = is_check
                call.granted.set()
        self._follow_trouble(in_trouble)
        if not self._done:
            self._idle.set()

    def _follow_trouble(self, in_trouble: dict[str, SharedRegion]) -> None:
        """Tell the followers about regions in trouble, and take back the calls to a region that was paused."""
        if not in_trouble and not self._in_trouble:
            return
        self._in_trouble = in_trouble
        for follower in list(self._followers):
            follower(in_trouble)
        for call in self._waiting.values():
            region = in_trouble.get(call.region)
            if region is not None and not region.may_call and not call.granted.is_set():
                call.withdrawn = True
                call.granted.set()

    async def _exchange(
        self, connection: AsyncConnection, asking: list[_Call], done: list[uuid.UUID], reports: list[Report]
    ) -> list[tuple[Any, ...]]:
        worker = {"worker": self._worker_id}
        waiting = [call.id for call in self._waiting.values() if not call.granted.is_set()]
        # The commit waits for the answer on purpose: a session that was cut off while it waits for the lock must not
        # commit by itself after its call was released elsewhere.
        async with connection.pipeline(), connection.transaction():
            await connection.execute(_LOCK)
            if done:
                await connection.execute(query("fleet", "release"), {"done": done})
            if reports:
                await report(connection, reports)
            if asking:
                await connection.execute(query("fleet", "ask"), {**worker, **_columns(asking)})
            await connection.execute(query("fleet", "grant"), worker)
            answer = await connection.execute(query("fleet", "granted"), {**worker, "waiting": waiting})
            return await answer.fetchall()


def _forget(notice: psycopg.Notify) -> None:
    """Handle a notification: it only woke this worker up, and `granted` reads which slots it got."""


def _columns(calls: list[_Call]) -> dict[str, list[Any]]:
    return {
        "ids": [call.id for call in calls],
        "jobs": [call.job_id for call in calls],
        "regions": [call.region for call in calls],
        "head_starts": [call.head_start for call in calls],
        "ends_by": [call.ends_by for call in calls],
    }
