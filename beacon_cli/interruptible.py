"""Work that a signal ends in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from beacon_cli.signals import Held, Interrupted, held

T = TypeVar("T")
Tell = Callable[[str], None]


def run_interruptible(work: Callable[[], Coroutine[Any, Any, T]], tell: Tell, hint: Callable[[], str]) -> T:
    """Run `work` in an event loop; a signal cancels it, and raises `Interrupted` with `hint()` once it has ended."""
    received: list[int] = []

    async def main(signals: Held) -> T:
        task = asyncio.current_task()
        assert task is not None

        def stop(signum: int) -> None:
            if not received:
                tell("stopping…")
            received.append(signum)
            task.cancel()

        with signals.delivered_to(stop):
            return await work()

    with held() as signals:
        try:
            return asyncio.run(main(signals))
        except asyncio.CancelledError:
            interrupted = Interrupted(received[0] if received else signal.SIGINT)
            interrupted.hint = hint()
            raise interrupted from None
