"""Sequential question batching: who walks the questions, what waits for what, and the caps on calls in flight."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
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


def containers_at_most(lanes: Collection[Lane], limits: Limits, shared: Mapping[str, str] | None = None) -> int:
    """Return how many containers a job can need at the same time under its caps.

    Models with the same value in `shared`, by id, are in one container of their region.
    """
    caps = endpoint_caps(lanes, limits)
    if shared is not None:
        homes = {(lane.region.id, shared.get(lane.model_id, lane.model_id)) for lane in lanes}
        there = Counter(region for region, _ in homes)
        caps = {region: min(cap, there[region]) for region, cap in caps.items()}
    return min(limits.max_in_flight, sum(caps.values()))


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
