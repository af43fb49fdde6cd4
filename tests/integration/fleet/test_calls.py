"""The slots that workers share: exact, in turn, and safe with connections that are cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from beacon_cli.fleet.calls import _LOCK, Calls
from beacon_cli.fleet.lease import Lease
from beacon_cli.store.queries import query

CAPS = [("account", 3), ("US", 2), ("EU", 2)]


@asynccontextmanager
async def workers(url: str, *names: str) -> AsyncIterator[list[Calls]]:
    tasks, made, leases = [], [], []
    for name in names:
        leases.append(Lease(url, name))
        await leases[-1].take(1, CAPS)
        made.append(Calls(url, name))
        tasks.append(asyncio.create_task(made[-1].take_turns()))
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for lease in leases:
            await lease.close()


class Holder:
    """A call that is held until it is told to end."""

    def __init__(self, calls: Calls, region: str = "US", priority: int = 0) -> None:
        self.has_it = asyncio.Event()
        self._over = asyncio.Event()
        self.task = asyncio.create_task(self._hold(calls, region, priority))

    async def _hold(self, calls: Calls, region: str, priority: int) -> None:
        async with calls.slot("job", region, priority, 600):
            self.has_it.set()
            await self._over.wait()

    async def end(self) -> None:
        self._over.set()
        await self.task


async def has_it_soon(holder: Holder, seconds: float = 300) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await holder.has_it.wait()
    except TimeoutError:
        return False
    return True


async def in_line(url: str, count: int) -> None:
    """Wait until so many calls stand in line for a slot."""
    async with asyncio.timeout(300), await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        waiting = "SELECT count(*) FROM fleet_calls WHERE granted_at IS NULL"
        while await (await connection.execute(waiting)).fetchone() != (count,):
            pass


def test_a_region_s_cap_and_the_account_s_hold_over_workers(database_url: str) -> None:
    async def main() -> None:
        async with workers(database_url, "a", "b") as (a, b):
            first, second = Holder(a), Holder(b)
            assert await has_it_soon(first)
            assert await has_it_soon(second)
            third = Holder(b)
            assert not await has_it_soon(third, 0.5), "the region is full"
            elsewhere = Holder(a, "EU")
            assert await has_it_soon(elsewhere), "a full region keeps nobody else waiting"
            over = Holder(b, "EU")
            assert not await has_it_soon(over, 0.5), "the account is full"
            await first.end()
            assert await has_it_soon(third), "the first in line"
            for holder in (second, third, elsewhere, over):
                await holder.end()

    asyncio.run(main())


def test_turns_go_by_priority_and_then_by_time(database_url: str) -> None:
    async def main() -> None:
        async with workers(database_url, "a", "b") as (a, b):
            held = [Holder(a), Holder(b)]
            for holder in held:
                assert await has_it_soon(holder)
            late, early, first = Holder(a, priority=1), Holder(b), Holder(a, priority=-1)
            await in_line(database_url, 3)
            for holder, expected in ((held[0], first), (held[1], early), (first, late)):
                await holder.end()
                assert await has_it_soon(expected)
            await early.end()
            await late.end()

    asyncio.run(main())


def test_connections_that_are_cut_cost_no_slot_and_give_none_away(database_url: str) -> None:
    async def main() -> None:
        async with workers(database_url, "a") as (a,):
            held = [Holder(a), Holder(a)]
            for holder in held:
                assert await has_it_soon(holder)
            waiting = Holder(a)
            await in_line(database_url, 1)
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(query("fleet", "cut_off"), {"names": ["worker a"]})
                assert not await has_it_soon(waiting, 1)
                await held[0].end()
                assert await has_it_soon(waiting)
                await held[1].end()
                await waiting.end()
                await a.settled()
                assert connection.execute("SELECT count(*) FROM fleet_calls").fetchone() == (0,)

    asyncio.run(main())


def test_a_call_that_is_given_up_while_it_waits_takes_no_slot(database_url: str) -> None:
    async def main() -> None:
        async with workers(database_url, "a") as (a,):
            held = [Holder(a), Holder(a)]
            for holder in held:
                assert await has_it_soon(holder)
            given_up, next_one = Holder(a), Holder(a)
            given_up.task.cancel()
            await held[0].end()
            assert await has_it_soon(next_one)
            await held[1].end()
            await next_one.end()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("age", "slowest", "elsewhere", "kept"),
    [
        *((6, 6, 1, True), (13, 6, 9, False)),
        *((6, 0, 6, True), (13, 0, 6, False)),  # none has ended in this region yet
        *((50, 0, 0, True), (61, 0, 0, False)),  # nor in any other
    ],
)
def test_slots_of_a_worker_that_stands_still_are_kept_until_its_calls_must_be_over(
    database_url: str, age: int, slowest: int, elsewhere: int, kept: bool
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO fleet_workers (id, host, pid, version, jobs, lost_at) VALUES ('a', 'h', 1, 'v', 1, now())"
        )
        connection.execute("INSERT INTO fleet_caps VALUES ('US', 2, %s), ('EU', 2, %s)", [slowest, elsewhere])
        connection.execute(
            "INSERT INTO fleet_calls (id, worker_id, job_id, region, turn, ends_by, granted_at)"
            " VALUES (gen_random_uuid(), 'a', 'j', 'US', 0, 600, now() - make_interval(secs => %s))",
            [age],
        )
        connection.execute(query("fleet", "expire"))
        assert connection.execute("SELECT count(*) FROM fleet_calls").fetchone() == (1 if kept else 0,)


def test_waiting_long_outweighs_priority(database_url: str) -> None:
    async def main() -> None:
        async with workers(database_url, "a") as (a,):
            holders = [Holder(a), Holder(a)]
            assert all([await has_it_soon(holder) for holder in holders])
            low = Holder(a, priority=5)
            await in_line(database_url, 1)
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute("UPDATE fleet_calls SET turn = turn - 360 WHERE granted_at IS NULL")  # 6 min ago
            normal = Holder(a)
            await in_line(database_url, 2)
            await holders[0].end()
            assert await has_it_soon(low)
            assert not normal.has_it.is_set()
            for holder in (holders[1], low, normal):
                await holder.end()

    asyncio.run(main())


def test_a_worker_that_stops_within_its_turn_does_not_keep_the_others_from_theirs(database_url: str) -> None:
    async def main() -> None:
        async with workers(database_url, "a", "b") as (a, b):
            stopped = await a._connect()
            await stopped.execute("BEGIN")
            await stopped.execute(_LOCK)
            holder = Holder(b)
            assert await has_it_soon(holder)
            await holder.end()
            await stopped.close()

    asyncio.run(main())


def test_a_worker_that_leaves_is_not_taken_for_dead(database_url: str) -> None:
    async def main() -> None:
        lease = Lease(database_url, "a")
        await lease.take(1, CAPS)

        beating = asyncio.Event()

        async def beat(connection: object, healthy_seconds: float) -> None:
            beating.set()

        keeping = asyncio.create_task(lease.keep(beat))
        await asyncio.wait_for(beating.wait(), 300)
        await lease.leave()
        await asyncio.wait_for(keeping, 300)
        await lease.close()

    asyncio.run(main())
