"""What is put into the queue and changed in it; a submission is whole, or nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

from beacon_cli.errors import StoreError
from beacon_cli.fleet.cancel import cancel_job
from beacon_cli.fleet.job_queue import enqueue, open_queue
from beacon_cli.store.connect import AsyncConnection
from beacon_cli.store.job_store import open_job_store
from tests.integration.fleet.conftest import Submit
from tests.integration.fleet.test_worker_exits import entry, rows
from tests.support.jobs import make_job
from tests.support.vocabulary import REGIONS


def take(url: str) -> None:
    """Take every entry, as a worker that dies at once."""
    rows(url, "UPDATE procrastinate_jobs SET status = 'doing' RETURNING 1")


def test_a_submission_that_fails_at_its_end_leaves_nothing(queue_url: str, tmp_path: Path) -> None:
    async def fails(connection: AsyncConnection) -> None:
        await enqueue(connection, "half", 0)
        raise psycopg.OperationalError("cut off")

    async def submit() -> None:
        async with open_job_store(
            *(queue_url, make_job(), "half"), batching=None, journal_folder=tmp_path, notify=lambda text: None
        ) as store:
            await store.submit(fails)

    with pytest.raises(StoreError, match="cut off"):
        asyncio.run(submit())
    for table in ("jobs", "questions", "procrastinate_jobs", "beacon_entries"):
        assert rows(queue_url, f"SELECT count(*) FROM {table}") == [(0,)], table


def test_an_entry_is_put_back_once_and_only_where_it_was_taken(queue_url: str, submit: Submit) -> None:
    number = submit("one")

    async def put_back() -> bool:
        async with open_queue(queue_url) as queue:
            return await queue.put_back(number)

    assert not asyncio.run(put_back())
    take(queue_url)
    assert asyncio.run(put_back())
    assert not asyncio.run(put_back())
    assert rows(queue_url, "SELECT status::text, attempts FROM procrastinate_jobs") == [("todo", 1)]


def test_a_job_that_a_dead_worker_had_is_cancelled_without_any_other(queue_url: str, submit: Submit) -> None:
    submit("one")
    take(queue_url)
    assert cancel_job(queue_url, "one", regions=REGIONS).status == "cancelled"
    assert entry(queue_url) == ("aborted", "cancelled")


def test_priority_is_worth_hours_and_the_numbers_fit_for_decades(queue_url: str, submit: Submit) -> None:
    async def ranks() -> list[int]:
        async with await psycopg.AsyncConnection.connect(queue_url) as connection:
            for job_id, priority in (("low", 100), ("normal", 0), ("high", -100)):
                await enqueue(connection, job_id, priority)  # type: ignore[arg-type]
            await connection.commit()
        return [row[0] for row in rows(queue_url, "SELECT priority FROM procrastinate_jobs ORDER BY id")]

    low, normal, high = asyncio.run(ranks())
    assert (normal - low, high - normal) == (100 * 3600, 100 * 3600)
    assert low > -(2**31) + 50 * 366 * 86400
