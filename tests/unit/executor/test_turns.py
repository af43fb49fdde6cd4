"""Slots of a job: who gets them, and that none is lost."""

from __future__ import annotations

import asyncio

import pytest

from beacon_cli.executor.turns import Slots, SlotTimeout
from tests.support.virtual_time import run_virtually


async def hold(slots: Slots, region: str, order: list[str], name: str, seconds: float = 1.0) -> None:
    async with slots.slot(region, 100):
        order.append(name)
        await asyncio.sleep(seconds)


def test_slots_are_given_in_the_order_of_arrival_and_a_full_region_is_passed_over() -> None:
    order: list[str] = []

    async def main() -> None:
        slots = Slots({"us": 1, "eu": 1}, 2, 900.0)
        names = ["us1", "us2", "us3", "eu1", "eu2"]
        await asyncio.gather(*(hold(slots, name[:2], order, name) for name in names))

    run_virtually(main())
    assert order == ["us1", "eu1", "us2", "eu2", "us3"]


@pytest.mark.parametrize("cancelled", ["before it is given", "in the moment in which it is given"])
def test_a_cell_that_is_cancelled_while_it_waits_loses_no_slot(cancelled: str) -> None:
    order: list[str] = []

    async def main() -> None:
        slots = Slots({"us": 1}, 1, 900.0)
        first = asyncio.create_task(hold(slots, "us", order, "first"))
        await asyncio.sleep(0)
        second = asyncio.create_task(hold(slots, "us", order, "second"))
        third = asyncio.create_task(hold(slots, "us", order, "third"))
        await asyncio.sleep(0.5)
        if cancelled == "before it is given":
            second.cancel()
        else:
            first.add_done_callback(lambda _: second.cancel())
        await asyncio.gather(first, second, third, return_exceptions=True)
        await hold(slots, "us", order, "fourth")

    run_virtually(main())
    assert [name for name in order if name != "second"] == ["first", "third", "fourth"]


def test_a_cell_that_waits_too_long_is_sent_away_and_the_others_keep_their_place() -> None:
    order: list[str] = []

    async def late(slots: Slots) -> None:
        async with slots.slot("us", 3):
            order.append("late")

    async def main() -> None:
        slots = Slots({"us": 1}, 1, 900.0)
        first = asyncio.create_task(hold(slots, "us", order, "first", 10))
        await asyncio.sleep(0)
        with pytest.raises(SlotTimeout):
            await late(slots)
        await asyncio.gather(first, hold(slots, "us", order, "second"))

    run_virtually(main())
    assert order == ["first", "second"]
