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


async def in_no_queue(_connection: AsyncConnection) -> None:
    pass


def test_a_stored_job_asks_what_was_submitted(database_url: str, tmp_path: Path) -> None:
    generation = {"seed": 7, "top_p": 0.5, "stop": "END", "extra": {"top_k": 40}}
    job = make_job(
        questions=[{"id": "a", "text": "A?", "tags": ["control", "x"]}, "math_basic"],
        repeats=2,
        generation=generation,
        system_prompts={"US": "In {place}.", "default": "Hi."},
    )

    async def submit() -> None:
        async with open_job_store(
            *(database_url, job, "stored"), batching=None, journal_folder=tmp_path, notify=lambda text: None
        ) as store:
            await store.submit(in_no_queue)

    asyncio.run(submit())
    read = stored_job(database_url, "stored")
    assert list(read.questions) == list(job.questions)
    assert (read.spec(), read.spec_sha256) == (job.spec(), job.spec_sha256)
    lanes = job.lanes()
    assert [read.prompt_system(lane.region) for lane in lanes] == [job.prompt_system(lane.region) for lane in lanes]
    assert database_url not in repr(read)


def test_a_job_that_is_not_there_is_named(database_url: str) -> None:
    with pytest.raises(JobNotFound, match="no job 'missing'"):
        stored_job(database_url, "missing")
