"""Looking after the others: workers that died are declared lost, and their jobs go back into the queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from psycopg.rows import class_row

from beacon_cli.fleet.job_queue import QUEUE
from beacon_cli.store.connect import AsyncConnection
from beacon_cli.store.queries import query

# A lock that is free means a process that is gone, unless only its connection was cut: then it is back at once.
DEAD_SECONDS = 4.0
# A lock that is held without a heartbeat means a process, or a machine, that stands still.
STALLED_SECONDS = 6.0
# After an interruption of its own a worker gives the others time to come back, too, before it judges them.
SETTLING_SECONDS = 5.0
# An entry is claimed as soon as it was taken, unless its worker never heard that it had it.
_UNCLAIMED_SECONDS = 5.0
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Orphan:
    """An entry that was taken and that nobody runs; by a worker that is lost, or None where none has claimed it."""

    entry: int
    worker_id: str | None
    cancelled: bool


class Watch:
    """What a worker does for the others after each heartbeat. `put_back` returns how many entries it has put back."""

    def __init__(
        self, worker_id: str, put_back: Callable[[Sequence[Orphan]], Awaitable[int]], tell: Callable[[str], None]
    ) -> None:
        self._worker_id = worker_id
        self._put_back = put_back
        self._tell = tell
        self._putting_back: asyncio.Task[None] | None = None
        self._looked_at = 0.0

    async def look(self, connection: AsyncConnection, healthy_seconds: float) -> None:
        """Look for workers that died, and take over what they leave."""
        if healthy_seconds < SETTLING_SECONDS or time.monotonic() < self._looked_at + _LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        ages = {"worker": self._worker_id, "dead": DEAD_SECONDS, "stalled": STALLED_SECONDS}
        for worker_id, stalled in await (await connection.execute(query("fleet", "lose"), ages)).fetchall():
            self._tell(f"worker {worker_id} {'does not move any more' if stalled else 'is gone'}")
            await cut_off(connection, [worker_id])
        await connection.execute(query("fleet", "expire"))
        wanted = {"queue": QUEUE, "unclaimed": _UNCLAIMED_SECONDS}
        async with connection.cursor(row_factory=class_row(Orphan)) as cursor:
            orphans = await (await cursor.execute(query("fleet", "orphans"), wanted)).fetchall()
        if orphans and (self._putting_back is None or self._putting_back.done()):
            await cut_off(connection, [orphan.worker_id for orphan in orphans if orphan.worker_id is not None])
            await connection.execute(query("fleet", "count_ended"), {"entries": [orphan.entry for orphan in orphans]})
            # Not waited for: with the database away that takes long, and the heartbeat must go on.
            self._putting_back = asyncio.create_task(self._put_all_back(orphans))

    async def _put_all_back(self, orphans: Sequence[Orphan]) -> None:
        if jobs := await self._put_back(orphans):
            self._tell(f"{jobs} of their jobs are in the queue again")


async def cut_off(connection: AsyncConnection, worker_ids: Sequence[str]) -> None:
    """End the sessions of lost workers: with them go the locks on their jobs."""
    await connection.execute(query("fleet", "cut_off"), {"names": [f"worker {worker_id}" for worker_id in worker_ids]})
