"""A job that a worker reads back is the job that was submitted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from beacon_cli.errors import JobNotFound
from beacon_cli.records.load_job import stored_job
from beacon_cli.store.connect import AsyncConnection
from beacon_cli.store.job_store import open_job_store
from tests.support.jobs import make_job
from tests.support.vocabulary import REGIONS


async def in_no_queue(_connection: AsyncConnection) -> None:
    pass


def test_a_stored_job_asks_what_was_submitted(database_url: str, tmp_path: Path) -> None:
    job = make_job(3, repeats=2)

    async def submit() -> None:
        async with open_job_store(
            *(database_url, job, "stored"), batching=None, journal_folder=tmp_path, notify=lambda text: None
        ) as store:
            await store.submit(in_no_queue)

    asyncio.run(submit())
    read = stored_job(database_url, "stored", regions=REGIONS)
    assert list(read.questions) == list(job.questions)
    assert (read.spec(), read.spec_sha256) == (job.spec(), job.spec_sha256)
    assert database_url not in repr(read)


def test_a_job_that_is_not_there_is_named(database_url: str) -> None:
    with pytest.raises(JobNotFound, match="no job 'missing'"):
        stored_job(database_url, "missing", regions=REGIONS)
