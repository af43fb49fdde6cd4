"""What a worker decides about the others: who is lost, and which entries nobody runs any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import psycopg
import pytest

from beacon_cli.errors import StoreError
from beacon_cli.fleet.job_queue import open_queue
from beacon_cli.fleet.lease import Lease
from beacon_cli.fleet.set_aside import MOST_ENDED, count_failure, set_aside
from beacon_cli.fleet.watch import DEAD_SECONDS, SETTLING_SECONDS, STALLED_SECONDS, Orphan, Watch
from beacon_cli.store.address import address_of
from beacon_cli.store.connect import open_async
from tests.integration.fleet.conftest import Submit
from tests.integration.fleet.test_worker_exits import change, entry, rows

MINUTE = 60.0


class Fleet:
    """The watch of worker `a`, which is well; it says in `told` what it decides, and puts back what it is to."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.told: list[str] = []
        self.orphans: list[Orphan] = []

    async def look(self, healthy_seconds: float = MINUTE) -> None:
        """Look once, as a worker does that has not looked yet, and wait for what follows."""
        watch = Watch("a", self._put_back, asyncio.create_task, self.told.append)
        async with await open_async(address_of(self.url, statement_timeout="10s", name="worker a")) as connection:
            await watch.look(connection, healthy_seconds)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others)

    async def _put_back(self, orphans: Sequence[Orphan]) -> int:
        self.orphans += orphans
        async with open_queue(self.url) as queue:
            return sum([await queue.put_back(orphan.entry) for orphan in orphans])

    def taken_by(self, worker: str, number: int) -> None:
        change(self.url, "UPDATE procrastinate_jobs SET status = 'doing'")
        change(self.url, f"UPDATE beacon_entries SET worker_id = '{worker}', attempt = 0 WHERE entry = {number}")

    def silent_for(self, worker: str, seconds: float) -> None:
        silence = f"seen_at = clock_timestamp() - make_interval(secs => {seconds})"
        change(self.url, f"UPDATE fleet_workers SET {silence} WHERE id = '{worker}'")

    def lost(self) -> list[str]:
        return [str(row[0]) for row in rows(self.url, "SELECT id FROM fleet_workers WHERE lost_at IS NOT NULL")]


@pytest.fixture
def fleet(queue_url: str) -> Fleet:
    return Fleet(queue_url)


@asynccontextmanager
async def worker_b(url: str, *, holds_its_lock: bool) -> AsyncIterator[None]:
    """A second worker that took its lease; it has lost its connection unless it holds its lock."""
    lease = Lease(url, "b")
    await lease.take(1, [("US", 1)])
    if not holds_its_lock:
        await lease.close()
    try:
        yield
    finally:
        await lease.close()


@pytest.mark.parametrize(
    ("holds_its_lock", "silent", "told"),
    [
        (False, DEAD_SECONDS / 4, None),
        (False, DEAD_SECONDS + 1, "worker b is gone"),
        (True, STALLED_SECONDS / 4, None),
        (True, STALLED_SECONDS + 1, "worker b has stopped responding"),
    ],
)
def test_a_worker_is_lost_sooner_when_its_lock_is_free(
    fleet: Fleet, holds_its_lock: bool, silent: float, told: str | None
) -> None:
    async def main() -> None:
        async with worker_b(fleet.url, holds_its_lock=holds_its_lock):
            fleet.silent_for("b", silent)
            await fleet.look()

    asyncio.run(main())
    assert (fleet.told, fleet.lost()) == (([told], ["b"]) if told else ([], []))


def test_a_worker_that_was_cut_off_itself_judges_nobody_at_first(fleet: Fleet) -> None:
    async def main() -> None:
        async with worker_b(fleet.url, holds_its_lock=False):
            fleet.silent_for("b", MINUTE)
            await fleet.look(SETTLING_SECONDS - 1)
            assert fleet.lost() == []
            await fleet.look(SETTLING_SECONDS)
            assert fleet.lost() == ["b"]

    asyncio.run(main())


def test_what_a_lost_worker_had_goes_back_into_the_queue(fleet: Fleet, submit: Submit) -> None:
    number = submit("one")

    async def main() -> None:
        async with worker_b(fleet.url, holds_its_lock=False):
            fleet.taken_by("b", number)
            fleet.silent_for("b", 0)
            await fleet.look()
            assert (fleet.orphans, entry(fleet.url)[0]) == ([], "doing"), "it may be back at once"
            fleet.silent_for("b", MINUTE)
            await fleet.look()

    asyncio.run(main())
    assert fleet.orphans == [Orphan(number, "b", cancelled=False)]
    assert fleet.told == ["worker b is gone", "1 of their jobs are in the queue again"]
    assert entry(fleet.url)[0] == "todo"


@pytest.mark.parametrize(("seconds_ago", "goes_back"), [(1, False), (6, True)])
def test_an_entry_that_was_taken_and_not_claimed_goes_back_after_a_while(
    fleet: Fleet, submit: Submit, seconds_ago: int, goes_back: bool
) -> None:
    number = submit("one")
    change(fleet.url, "UPDATE procrastinate_jobs SET status = 'doing'")
    change(fleet.url, f"UPDATE procrastinate_events SET at = now() - make_interval(secs => {seconds_ago})")
    asyncio.run(fleet.look())
    assert fleet.orphans == ([Orphan(number, None, cancelled=False)] if goes_back else [])
    assert entry(fleet.url)[0] == ("todo" if goes_back else "doing")


def test_a_job_is_set_aside_after_three_failures_without_an_answer_between(fleet: Fleet, submit: Submit) -> None:
    number = submit("one")
    change(fleet.url, "UPDATE procrastinate_jobs SET status = 'doing'")
    error = StoreError("value out of range")
    assert [count_failure(fleet.url, number, "one", error) for _ in range(2)] == [1, 2]
    change(
        fleet.url,
        "INSERT INTO runs (id, job_id, started_at, host, pid, version)"
        " VALUES (gen_random_uuid(), 'one', now(), 'h', 1, 'v');"
        "INSERT INTO executions (job_id, run_id, question_id, model_id, region, repeat, status)"
        " SELECT job_id, id, 'q0', 'm', 'US', 0, 'completed' FROM runs",
    )
    assert [count_failure(fleet.url, number, "one", error) for _ in range(MOST_ENDED)] == [1, 2, 3]
    assert "3 workers in a row ended on it" in set_aside(fleet.url, number, "one")
    assert rows(fleet.url, "SELECT status FROM jobs") == [("failed",)]


def test_rows_that_a_frozen_worker_has_locked_hold_nobody_up(fleet: Fleet) -> None:
    """A worker that is stopped within its turn has locked calls of others, which it granted slots."""

    async def main() -> None:
        async with worker_b(fleet.url, holds_its_lock=False):
            fleet.silent_for("b", DEAD_SECONDS + 1)
            call = "INSERT INTO fleet_calls (id, job_id, worker_id, region, turn, ends_by) VALUES"
            change(fleet.url, f"{call} (gen_random_uuid(), 'one', 'b', 'US', 0, 60)")
            with psycopg.connect(fleet.url) as frozen:
                assert frozen.execute("SELECT id FROM fleet_calls FOR UPDATE").fetchall()
                async with asyncio.timeout(300):
                    await fleet.look()
                assert fleet.lost() == ["b"]
            await fleet.look()
        assert rows(fleet.url, "SELECT id FROM fleet_calls") == []

    asyncio.run(main())
