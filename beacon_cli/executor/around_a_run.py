"""What a run is given by others: where its cells come from and go to, its slots, and what it may cost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from beacon_cli.executor.execution import Batch, Cell, Execution, Status
from beacon_cli.executor.turns import RegionTroubles, Turn
from beacon_cli.job.lanes import Lane

CancelCall = Callable[[str], Awaitable[bool]]
"""Cancels a call by its id, in bounded time; returns whether it was certainly cancelled."""


class Recorder(Protocol):
    """The source of batches and the store of executions."""

    def batches(self, lanes: Sequence[Lane]) -> AsyncIterator[Batch]:
        """Yield the questions in order, each with the cells of these lanes that have no answer yet."""
        ...

    async def ready(self, cell: Cell) -> bool:
        """Wait until answers can be stored; return whether this cell of a yielded batch still has no answer."""
        ...

    async def record(self, execution: Execution) -> None:
        """Store an execution; it is safe when this returns."""
        ...

    async def counts(self) -> dict[Status, int]:
        """Return the number of the job's stored executions by status."""
        ...

    async def finish(self, status: str, ended_at: str, reason: str | None) -> None:
        """Store how the run ended; `reason` is why it asked no more without being cancelled."""
        ...


class TakesSlots(Protocol):
    """How a cell gets its slot; `Slots` if a job runs by itself."""

    def slot(self, region_id: str, timeout: float) -> AbstractAsyncContextManager[Turn]:
        """Hold a slot. Raises `SlotTimeout`, and `RegionIsDown`."""
        ...

    def is_down(self, region_id: str) -> bool:
        """Return whether nothing more is asked in a region."""
        ...

    def troubles(self) -> Mapping[str, RegionTroubles]:
        """Return what the run met, by region id, for the regions in which it met trouble."""
        ...

    def close(self) -> None:
        """Let go of the timers."""
        ...


class Purse(Protocol):
    """What calls may still cost."""

    async def take(self, cell: Cell) -> bool:
        """Hold what a call may cost, as soon as there is enough; return False if there never will be."""
        ...

    def give_back(self, cell: Cell) -> None:
        """Hold nothing for a call any more."""
        ...

    def pay(self, execution: Execution) -> None:
        """Count what a call cost, and hold nothing for it any more."""
        ...

    def exhausted(self, cell: Cell) -> str:
        """Return why the call of a cell is not made, nor any other."""
        ...
