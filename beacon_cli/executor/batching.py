"""Sequential question batching: who walks the questions, and what waits for what."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from beacon_cli.executor.execution import Batch, Batching, Cell, Settled
from beacon_cli.job.lanes import Lane


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
