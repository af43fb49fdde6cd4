"""Sequential question batching: who walks the questions, what waits for what, and how many calls are in flight."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from beacon_cli.executor.execution import Batch, Batching, Cell, Settled
from beacon_cli.job.lanes import Lane
from beacon_cli.job.limits import Limits


@dataclass(frozen=True, slots=True)
class Walker:
    """Walks a job's questions one at a time for some of its lanes, with a barrier after each question."""

    name: str
    lanes: tuple[Lane, ...]


def walkers(batching: Batching, lanes: Sequence[Lane]) -> list[Walker]:
    """Return who walks: one for all lanes (`question`), one per region (`region`), or one per lane (`lane`)."""
    if batching == "question":
        return [Walker("", tuple(lanes))]
    groups: dict[str, list[Lane]] = {}
    for lane in lanes:
        name = lane.region.label if batching == "region" else f"{lane.model_id} in {lane.region.label}"
        groups.setdefault(name, []).append(lane)
    return [Walker(name, tuple(group)) for name, group in groups.items()]


def endpoint_caps(lanes: Collection[Lane], limits: Limits) -> dict[str, int]:
    """Return how many calls each region may have in flight, by region id.

    Without its own limit, that is the number of the job's models there: with no more calls at the same time, a region
    never needs more containers than models.
    """
    models = Counter(lane.region.id for lane in lanes)
    return {region: limits.per_endpoint or count for region, count in models.items()}


def containers_at_most(lanes: Collection[Lane], limits: Limits) -> int:
    """Return how many containers a job can need at the same time under its caps."""
    return min(limits.max_in_flight, sum(endpoint_caps(lanes, limits).values()))


class SlotTimeout(Exception):
    """No slot became free in time."""


class Slots:
    """The caps: a call holds a slot of its region and one of the job. It takes the region's slot first, so that waiting
    cells of a busy region never block the job's slots for the others."""

    def __init__(self, caps: Mapping[str, int], max_in_flight: int) -> None:
        self._regions = {region: asyncio.Semaphore(cap) for region, cap in caps.items()}
        self._job = asyncio.Semaphore(max_in_flight)
        self._moved = dict.fromkeys(caps, 0.0)

    @asynccontextmanager
    async def slot(self, region_id: str, timeout: float) -> AsyncIterator[None]:
        """Hold a slot. Raises `SlotTimeout` if no slot of the region became free for any cell within `timeout` seconds.

        A long queue is no reason to give up as long as it moves.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(max(began, self._moved[region_id]) + timeout):
                    await self._acquire(region_id)
                break
            except TimeoutError:
                if loop.time() >= max(began, self._moved[region_id]) + timeout:
                    raise SlotTimeout from None
        try:
            yield
        finally:
            self._moved[region_id] = loop.time()
            self._job.release()
            self._regions[region_id].release()

    async def _acquire(self, region_id: str) -> None:
        region = self._regions[region_id]
        await region.acquire()
        try:
            await self._job.acquire()
        except BaseException:
            region.release()
            raise


Execute = Callable[[Cell], Awaitable[Settled | None]]


async def run_batch(batch: Batch, execute: Execute) -> tuple[Settled, ...]:
    """Execute the cells of a batch at the same time and return when all are done: the barrier.

    `execute` returns None for a cell that was never asked, and fails only for reasons that end the run; the other cells
    of the batch are still awaited.
    """
    results = await asyncio.gather(*(execute(cell) for cell in batch.cells), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return tuple(result for result in results if isinstance(result, Settled))
