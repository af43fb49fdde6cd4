"""Models that share a GPU take turns."""

from __future__ import annotations

import asyncio

from modal_deployment.generation import GenerationRequest
from modal_deployment.slot import Slot
from tests.support.toy_region import Toy


def test_slots_with_one_turn_run_one_after_the_other_and_time_only_their_own_work() -> None:
    first, second = Toy(), Toy()

    async def run() -> None:
        turn = asyncio.Lock()
        slots = Slot(first, turn=turn), Slot(second, turn=turn)
        waiting = asyncio.ensure_future(slots[0].generate(GenerationRequest("wait")))
        await asyncio.to_thread(first.started.acquire)
        other = asyncio.ensure_future(slots[1].generate(GenerationRequest("Hi")))
        for _ in range(5):
            await asyncio.sleep(0)
        assert second.requests == []
        first.release.set()
        before, after = await waiting, await other
        assert after.started_at >= before.started_at
        assert [request.prompt for request in second.requests] == ["Hi"]

    asyncio.run(run())
