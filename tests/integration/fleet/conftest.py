"""A migrated database with the fleet's queue, in which jobs can be submitted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from beacon_cli.fleet.job_queue import enqueue
from beacon_cli.fleet.queue_schema import create_queue
from beacon_cli.store.job_store import open_job_store
from tests.support.jobs import make_job

Submit = Callable[[str], int]


@pytest.fixture
def queue_url(database_url: str) -> str:
    """The URL of a fresh database with the queue's tables."""
    create_queue(database_url)
    return database_url


@pytest.fixture
def submit(queue_url: str, tmp_path: Path) -> Submit:
    """Submits a job of one question under an id, and returns its entry."""

    async def submitted(job_id: str) -> int:
        async with open_job_store(
            *(queue_url, make_job(1), job_id), batching=None, journal_folder=tmp_path, notify=lambda text: None
        ) as store:
            return await store.submit(lambda connection: enqueue(connection, job_id, 0))

    return lambda job_id: asyncio.run(submitted(job_id))
