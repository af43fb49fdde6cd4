"""Looking after the others: workers that died are declared lost, and their jobs go back into the queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from beacon_cli import __version__
from beacon_cli.fleet.queries import query
from beacon_cli.store.connect import AsyncConnection

# A lock that is free means a process that is gone, unless only its connection was cut: then it is back at once.
DEAD_SECONDS = 4.0
# A lock that is held without a heartbeat means a process, or a machine, that stands still.
STALLED_SECONDS = 6.0
# After an interruption of its own a worker gives the others time to come back, too, before it judges them.
SETTLING_SECONDS = 5.0
_LOOK_SECONDS = 1.0


class Watch:
    """What a worker does for the others after each heartbeat. `recover` puts the jobs of the lost back; it blocks."""

    def __init__(self, worker_id: str, recover: Callable[[Sequence[str]], int], tell: Callable[[str], None]) -> None:
        self._worker_id = worker_id
        self._recover = recover
        self._tell = tell
        self._recovering: asyncio.Task[None] | None = None
        self._looked_at = 0.0

    async def look(self, connection: AsyncConnection, healthy_seconds: float) -> None:
        """Look for workers that died, and take over what they leave."""
        if healthy_seconds < SETTLING_SECONDS or time.monotonic() < self._looked_at + _LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        ages = {"worker": self._worker_id, "dead": DEAD_SECONDS, "stalled": STALLED_SECONDS}
        for worker_id, stalled in await (await connection.execute(query("lose"), ages)).fetchall():
            self._tell(f"worker {worker_id} {'does not move any more' if stalled else 'is gone'}")
            await cut_off(connection, [worker_id])
        await connection.execute(query("expire"))
        orphans = await (await connection.execute(query("orphans"), {"version": __version__})).fetchall()
        if orphans and (self._recovering is None or self._recovering.done()):
            lost = [str(row[0]) for row in orphans]
            await cut_off(connection, lost)
            await connection.execute(query("count_ended"), {"workers": lost})
            # Not waited for: with the database away DBOS tries for long, and the heartbeat must go on.
            self._recovering = asyncio.create_task(self._put_back(lost))

    async def _put_back(self, worker_ids: Sequence[str]) -> None:
        if jobs := await asyncio.to_thread(self._recover, worker_ids):
            self._tell(f"{jobs} of their jobs are in the queue again")


async def cut_off(connection: AsyncConnection, worker_ids: Sequence[str]) -> None:
    """End the sessions of lost workers: with them go the locks on their jobs."""
    await connection.execute(query("cut_off"), {"names": [f"worker {worker_id}" for worker_id in worker_ids]})
