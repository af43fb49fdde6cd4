"""One model's slot: one generation at a time, a bounded queue before it, a thread of its own."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from modal_deployment.generation import Generated, GenerationRequest, Generator
from modal_deployment.limits import MAX_WAITING
from modal_deployment.refusal import Refusal

_LONGEST_RETRY_AFTER = 60


@dataclass(frozen=True, slots=True)
class Timed:
    """An answer, when its generation began and how many seconds it took (by a monotonic clock)."""

    generated: Generated
    started_at: datetime
    seconds: float

    @property
    def completed_at(self) -> datetime:
        """When the generation ended; never before `started_at`, whatever the wall clock did."""
        return self.started_at + timedelta(seconds=self.seconds)


class Slot:
    """Runs a generator's calls one after another, in the order in which they came.

    Slots that are given the same lock as their `turn` take turns: only one of their generators runs at a time.
    """

    def __init__(
        self, generator: Generator, *, max_waiting: int = MAX_WAITING, turn: asyncio.Lock | None = None
    ) -> None:
        self.generator = generator
        self._max_waiting = max_waiting
        self._inside = 0  # requests that run or wait
        self._last_seconds = 0.0
        self._free = turn or asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="slot")

    async def generate(self, request: GenerationRequest) -> Timed:
        """Wait for the slot and return the answer; when cancelled, leave the queue or stop the generation.

        Raises `Refusal` (429) when too many wait already, and whatever the generator raises.
        """
        await self._enter()
        call = asyncio.get_running_loop().run_in_executor(self._thread, self._timed, request)
        call.add_done_callback(self._leave)
        try:
            await asyncio.wait((call,))
        except asyncio.CancelledError:
            request.cancelled.set()  # the slot stays taken until the generator has really stopped
            raise
        return call.result()

    async def _enter(self) -> None:
        if self._inside > self._max_waiting:
            raise Refusal(429, "queue_full", "too many requests wait for this model", retry_after=self._retry_after())
        self._inside += 1
        try:
            await self._free.acquire()
        except asyncio.CancelledError:
            self._inside -= 1
            raise

    def _leave(self, call: asyncio.Future[Timed]) -> None:
        self._inside -= 1
        self._free.release()
        if not call.cancelled():
            call.exception()  # seen: its caller may have gone

    def _timed(self, request: GenerationRequest) -> Timed:
        started_at, start = datetime.now(UTC), time.perf_counter()
        generated = self.generator.generate(request)
        self._last_seconds = time.perf_counter() - start
        return Timed(generated, started_at, self._last_seconds)

    def _retry_after(self) -> str:
        seconds = round(self._last_seconds * self._inside)
        return str(min(max(seconds, 1), _LONGEST_RETRY_AFTER))
