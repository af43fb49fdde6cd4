"""Stops a run: why it stops, and which calls are interrupted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MAX_COST = "max_cost"
"""The `code` of a run that asks no more because of `limits.max_cost`. Its calls in flight are waited for."""


@dataclass(frozen=True, slots=True)
class StopReason:
    """Why a run stops: `code` becomes the `error_code` of its cells in flight; `signum` is None without a signal."""

    code: str
    message: str
    signum: int | None = None

    @property
    def cancels(self) -> bool:
        """Whether a job with unanswered cells is then cancelled; otherwise it is partial, or failed."""
        return self.code != MAX_COST


class Stop:
    """The stop switch of a run. Once requested, no cell is started and every interruptible task is cancelled."""

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self._interruptible: set[asyncio.Task[Any]] = set()
        self._in_flight: set[asyncio.Task[Any]] = set()
        self._draining = False

    def request(self, reason: StopReason) -> None:
        """Stop the run. The first reason stays, unless that was a drain."""
        if self.reason is None or self._draining:
            self.reason, self._draining = reason, False
            for task in self._interruptible:
                task.cancel()

    def drain(self, reason: StopReason) -> None:
        """Start no more cells, and let those in flight finish; a later `request` interrupts them."""
        if self.reason is None:
            self.reason, self._draining = reason, True
            for task in self._interruptible - self._in_flight:
                task.cancel()

    def in_flight(self) -> None:
        """Note that the current, interruptible task has a call in flight from now on."""
        task = asyncio.current_task()
        assert task is not None
        self._in_flight.add(task)

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Inside the block, a stop cancels the current task; raises `CancelledError` if it has already stopped."""
        if self.reason is not None:
            raise asyncio.CancelledError
        task = asyncio.current_task()
        assert task is not None
        self._interruptible.add(task)
        try:
            yield
        finally:
            self._interruptible.discard(task)
            self._in_flight.discard(task)
