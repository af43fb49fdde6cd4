"""Watches other workers: dead ones are declared lost, and their jobs go back into the queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import class_row

from beacon_cli.fleet.job_queue import QUEUE
from beacon_cli.fleet.worker_names import session_name
from beacon_cli.store.connect import AsyncConnection
from beacon_cli.store.queries import query

# A free lock means that the process is gone, unless only its connection was cut: then it is back immediately.
DEAD_SECONDS = 4.0
# A held lock without a heartbeat means that the process or the machine hangs.
STALLED_SECONDS = 6.0
# After its own interruption, a worker gives the others time to come back before it judges them.
SETTLING_SECONDS = 5.0
# An entry is claimed as soon as it is taken, unless its worker never received it.
_UNCLAIMED_SECONDS = 5.0
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Orphan:
    """A taken entry that no worker runs. Its worker is lost, or None if no worker has claimed it."""

    entry: int
    worker_id: str | None
    cancelled: bool


class Watch:
    """Watches the other workers after each heartbeat.

    `put_back` returns the number of entries that it put back; `start` makes a task that ends with the worker.
    """

    def __init__(
        self,
        worker_id: str,
        put_back: Callable[[Sequence[Orphan]], Awaitable[int]],
        start: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        notify: Callable[[str], None],
    ) -> None:
        self._worker_id = worker_id
        self._put_back = put_back
        self._start = start
        self._notify = notify
        self._putting_back: asyncio.Task[None] | None = None
        self._looked_at = 0.0

    async def look(self, connection: AsyncConnection, healthy_seconds: float) -> None:
        """Look for dead workers, and take over their jobs."""
        if healthy_seconds < SETTLING_SECONDS or time.monotonic() < self._looked_at + _LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        ages = {"worker": self._worker_id, "dead": DEAD_SECONDS, "stalled": STALLED_SECONDS}
        for worker_id, stalled in await (await connection.execute(query("fleet", "lose"), ages)).fetchall():
            self._notify(f"worker {worker_id} {'has stopped responding' if stalled else 'is gone'}")
            await cut_off(connection, [worker_id])
        await connection.execute(query("fleet", "expire"))
        wanted = {"queue": QUEUE, "unclaimed": _UNCLAIMED_SECONDS}
        async with connection.cursor(row_factory=class_row(Orphan)) as cursor:
            orphans = await (await cursor.execute(query("fleet", "orphans"), wanted)).fetchall()
        if orphans and (self._putting_back is None or self._putting_back.done()):
            await cut_off(connection, [orphan.worker_id for orphan in orphans if orphan.worker_id is not None])
            await connection.execute(query("fleet", "count_ended"), {"entries": [orphan.entry for orphan in orphans]})
            # Not awaited: with an unreachable database it takes long, and the heartbeat must continue.
            self._putting_back = self._start(self._put_all_back(orphans))

    async def _put_all_back(self, orphans: Sequence[Orphan]) -> None:
        if jobs := await self._put_back(orphans):
            self._notify(f"{jobs} of their jobs are in the queue again")


async def cut_off(connection: AsyncConnection, worker_ids: Sequence[str]) -> None:
    """End the sessions of lost workers, which frees the locks on their jobs."""
    await connection.execute(
        query("fleet", "cut_off"), {"names": [session_name(worker_id) for worker_id in worker_ids]}
    )
