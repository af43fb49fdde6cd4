"""Stopping a run: who asked for it, and which calls are interrupted by it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StopReason:
    """Why a run stops: `code` becomes the `error_code` of its cells in flight; `signum` is None without a signal."""

    code: str
    message: str
    signum: int | None = None


class Stop:
    """The one switch of a run. Once requested, no cell is started and every interruptible task is cancelled."""

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self._interruptible: set[asyncio.Task[Any]] = set()
        self._in_flight: set[asyncio.Task[Any]] = set()
        self._draining = False

    def request(self, reason: StopReason) -> None:
        """Stop the run. The first reason stays, but one that lets calls in flight finish gives way."""
        if self.reason is None or self._draining:
            self.reason, self._draining = reason, False
            for task in self._interruptible:
                task.cancel()

    def drain(self, reason: StopReason) -> None:
        """Start no cell any more, and let those in flight finish; a later `request` interrupts them."""
        if self.reason is None:
            self.reason, self._draining = reason, True
            for task in self._interruptible - self._in_flight:
                task.cancel()

    def in_flight(self) -> None:
        """Say that the current, interruptible task is asking from now on."""
        task = asyncio.current_task()
        assert task is not None
        self._in_flight.add(task)

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """While inside, the current task is cancelled by a stop; raises `CancelledError` at once if it is too late."""
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
