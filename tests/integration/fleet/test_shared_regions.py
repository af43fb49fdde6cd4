"""A region in trouble is paused for all workers: one check call over the whole fleet, also where its worker dies."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg

from beacon_cli.executor.execution import Cell
from beacon_cli.executor.failures import AttemptError
from beacon_cli.executor.region_state import Trouble
from beacon_cli.executor.turns import RegionChange, RegionIsDown
from beacon_cli.fleet.calls import Calls
from beacon_cli.fleet.lease import Lease
from beacon_cli.fleet.overview import fleet_overview
from beacon_cli.fleet.shared_regions import Report
from beacon_cli.fleet.slots import FleetSlots
from beacon_cli.job.limits import Limits
from beacon_cli.store.journal import Found
from tests.support.jobs import make_job
from tests.support.vocabulary import REGIONS

CAPS = [("account", 10), ("US", 4), ("EU", 4), ("ASIA", 4)]
JOB = make_job(1, models=["llama3.2-1b"])
CELLS = [Cell(next(iter(JOB.questions)), lane) for lane in JOB.lanes()]
BUSY = AttemptError("rate_limited", "HTTP 429: busy", retriable=True, http_status=429)


class OneWorker:
    """A worker's part in the slots, with one job."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        self.lease = Lease(url, name)
        self.calls = Calls(url, name)
        self.changes: list[RegionChange] = []

    async def begin(self, **limits: object) -> None:
        await self.lease.take(1, CAPS)
        self.turns = asyncio.create_task(self.calls.take_turns())
        chosen = Limits(per_endpoint=3, **limits)  # type: ignore[arg-type]
        self.slots = FleetSlots(self.calls, "job", JOB.lanes(), chosen, 0, self.changes.append)

    async def end(self) -> None:
        self.slots.close()
        self.turns.cancel()
        await asyncio.gather(self.turns, return_exceptions=True)
        await self.lease.close()

    async def call(self, *, error: AttemptError | None = None, seconds: float = 0.0, region: str = "eu") -> bool:
        """Make a call, and return whether it was a check, once the database knows of it."""
        async with self.slots.slot(region, 600) as turn:
            is_check = turn.is_check
            await asyncio.sleep(seconds)
            if error is None:
                turn.answered()
            else:
                turn.failed(CELLS[0], error)
        await self.calls.settled()
        return is_check


@asynccontextmanager
async def workers(url: str, count: int, name: str = "w", **limits: object) -> AsyncIterator[list[OneWorker]]:
    made = [OneWorker(url, f"{name}{number}") for number in range(count)]
    for worker in made:
        await worker.begin(**limits)
    try:
        yield made
    finally:
        for worker in made:
            await worker.end()


def trouble_of(url: str) -> list[tuple[str, str, int]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute("SELECT region, condition, allowed FROM region_trouble").fetchall()


def test_a_pause_that_one_worker_finds_holds_for_all_and_one_check_ends_it(database_url: str) -> None:
    async def main() -> list[bool]:
        async with workers(database_url, 3) as made:
            await made[0].call(error=BUSY)
            others = [worker.call(seconds=0.3) for worker in made for _ in range(3)]
            async with asyncio.timeout(300):
                checks = await asyncio.gather(*others)
            assert all(worker.changes for worker in made)
            return checks

    checks = asyncio.run(main())
    assert sum(checks) == 1
    assert trouble_of(database_url) == []


def test_the_other_regions_go_on(database_url: str) -> None:
    async def main() -> None:
        async with workers(database_url, 2, max_in_flight=1) as made:
            await made[0].call(error=AttemptError("rate_limited", "busy", retriable=True, retry_after=300.0))
            waiting = [asyncio.create_task(worker.call()) for worker in made]
            async with asyncio.timeout(300):
                for _ in range(3):
                    await asyncio.gather(*(worker.call(region="us") for worker in made))
            assert not any(task.done() for task in waiting)
            for task in waiting:
                task.cancel()

    asyncio.run(main())


def test_failed_checks_come_later_and_later_whoever_makes_them(database_url: str) -> None:
    async def main() -> list[float]:
        async with workers(database_url, 2) as made:
            loop, times = asyncio.get_running_loop(), list[float]()
            await made[0].call(error=BUSY)

            async def one(worker: OneWorker) -> None:
                while len(times) < 3:
                    async with worker.slots.slot("eu", 600) as turn:
                        times.append(loop.time())
                        assert turn.is_check
                        turn.failed(CELLS[0], BUSY)

            began = loop.time()
            tasks = [asyncio.create_task(one(worker)) for worker in made]
            async with asyncio.timeout(30):
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            for task in tasks:
                task.cancel()
            return [time - began for time in times]

    first, second, third = asyncio.run(main())
    assert first >= 0.74
    assert second - first >= 1.49
    assert third - second >= 2.99


def test_a_worker_that_dies_while_it_checks_does_not_block_the_region(database_url: str) -> None:
    async def main() -> bool:
        async with workers(database_url, 2) as made:
            await made[0].call(error=BUSY)
            checking = asyncio.create_task(made[0].call(seconds=600))
            async with asyncio.timeout(300):
                await _until_checked(database_url)
            made[0].turns.cancel()
            await _declare_lost(database_url, made[0].name)
            async with asyncio.timeout(300):
                checked = await made[1].call()
            checking.cancel()
            return checked

    assert asyncio.run(main())


def test_a_job_gives_a_region_up_when_its_own_patience_is_over(database_url: str) -> None:
    async def main() -> tuple[bool, bool]:
        async with (
            workers(database_url, 1) as [patient],
            workers(database_url, 1, "hasty", region_patience=1) as [hasty],
        ):
            await patient.call(error=AttemptError("rate_limited", "busy", retriable=True, retry_after=60.0))
            with contextlib.suppress(RegionIsDown):
                async with asyncio.timeout(300):
                    await hasty.call()
            return hasty.slots.is_down("eu"), patient.slots.is_down("eu")

    assert asyncio.run(main()) == (True, False)


def test_a_wait_of_days_does_not_shut_the_region_out_for_later_jobs(database_url: str) -> None:
    async def main() -> None:
        async with workers(database_url, 1) as [worker]:
            await worker.call(error=AttemptError("rate_limited", "busy", retriable=True, retry_after=1e6))

    asyncio.run(main())
    with psycopg.connect(database_url) as connection:
        [(wait,)] = connection.execute("SELECT extract(epoch FROM check_at - now()) FROM region_trouble").fetchall()
    assert 0 < wait <= 900


def test_without_credit_a_region_is_down_for_the_job_and_open_for_the_others(database_url: str) -> None:
    async def main() -> tuple[bool, bool]:
        async with workers(database_url, 2) as made:
            await made[0].call(error=AttemptError("no_credit", "HTTP 402", http_status=402))
            async with asyncio.timeout(300):
                await made[1].call()
            return made[0].slots.is_down("eu"), made[1].slots.is_down("eu")

    assert asyncio.run(main()) == (True, False)


def test_a_region_recovers_with_each_answer(database_url: str) -> None:
    async def main() -> list[int]:
        async with workers(database_url, 1) as [worker]:
            worker.calls.report(Report("EU", Trouble("busy"), is_check=False))
            allowed = []
            for _ in range(3):
                async with asyncio.timeout(300):
                    await worker.call()
                allowed += [row[2] for row in trouble_of(database_url)]
            return allowed

    assert asyncio.run(main()) == [2, 3]


def test_the_queue_shows_a_paused_region(queue_url: str) -> None:
    async def main() -> None:
        async with workers(queue_url, 1) as [worker]:
            await worker.call(error=AttemptError("rate_limited", "HTTP 429: \0busy", retriable=True, retry_after=600.0))
            await worker.calls.settled()

    asyncio.run(main())
    regions = fleet_overview(queue_url, Found((), ()), regions=REGIONS).as_data()["regions"]
    trouble = regions["EU"]["trouble"]
    assert (trouble["condition"], trouble["why"], trouble["calls"]) == ("paused", "HTTP 429: \0busy", 1)
    assert 300 < trouble["next_check_seconds"] < 601
    assert regions["US"]["trouble"] is None


async def _until_checked(url: str) -> None:
    """Wait until a worker makes the check call."""
    while not await _has_check(url):  # noqa: ASYNC110 - another process grants it
        await asyncio.sleep(0.05)


async def _has_check(url: str) -> bool:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        row = await (
            await connection.execute(
                "SELECT count(*) FROM fleet_calls JOIN region_trouble USING (region) WHERE granted_at >= paused_at"
            )
        ).fetchone()
        return row is not None and row[0] == 1


async def _declare_lost(url: str, worker: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("UPDATE fleet_workers SET lost_at = clock_timestamp() WHERE id = %s", [worker])
