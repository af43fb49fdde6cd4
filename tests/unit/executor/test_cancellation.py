"""Stopping at once, and stopping when what is in flight has finished."""

from __future__ import annotations

import asyncio

import pytest

from beacon_cli.executor.cancellation import Stop, StopReason

DRAIN, NOW = StopReason("handed_back", "another worker continues"), StopReason("cancelled", "at once")


def test_draining_interrupts_what_waits_and_not_what_is_in_flight() -> None:
    async def cell(stop: Stop, *, asks: bool) -> str:
        with stop.interruptible():
            if asks:
                stop.in_flight()
            await asyncio.sleep(0.05)
            return "finished"

    async def main() -> None:
        stop = Stop()
        asking, waiting = (asyncio.create_task(cell(stop, asks=asks)) for asks in (True, False))
        await asyncio.sleep(0)
        stop.drain(DRAIN)
        assert await asking == "finished"
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(asyncio.CancelledError):
            await cell(stop, asks=True)
        assert stop.reason is DRAIN

    asyncio.run(main())


def test_a_request_interrupts_what_a_drain_lets_finish() -> None:
    async def main() -> None:
        stop = Stop()

        async def cell() -> None:
            with stop.interruptible():
                stop.in_flight()
                await asyncio.sleep(60)

        task = asyncio.create_task(cell())
        await asyncio.sleep(0)
        stop.drain(DRAIN)
        stop.request(NOW)
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stop.reason is NOW
        stop.drain(DRAIN)
        stop.request(DRAIN)
        assert stop.reason is NOW, "the first one stays"

    asyncio.run(main())
