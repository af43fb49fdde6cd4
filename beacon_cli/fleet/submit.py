"""`beacon submit`: store a job and put it into the queue, in one transaction."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from psycopg.rows import class_row

from beacon_cli.console.printable import printable
from beacon_cli.console.program_name import command
from beacon_cli.console.result import write_stderr
from beacon_cli.errors import ConfigError, JobLocked
from beacon_cli.fleet.job_queue import enqueue
from beacon_cli.fleet.progress import Entry
from beacon_cli.job.model import Job
from beacon_cli.job.part import WHOLE, Part
from beacon_cli.runs.asked_endpoints import asked_endpoints
from beacon_cli.runs.cost_limit import require_cost_limit
from beacon_cli.runs.doubts import doubts
from beacon_cli.runs.request import RunRequest
from beacon_cli.settings import Settings
from beacon_cli.signals import Interrupted
from beacon_cli.store.connect import AsyncConnection
from beacon_cli.store.job_store import open_job_store
from beacon_cli.store.queries import query

# How others see the holder of the job, with the process and the host; PostgreSQL keeps 63 bytes of it.
_SUBMITTING = "to submit it"
_ALREADY_GONE = "by another process"
_TURN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Submission:
    """A job in the queue. `already` says that it was in the queue before; `part` is what is asked of it.

    `repeats_before` is how many repeats it had, if this added some.
    """

    job_id: str
    entry: int
    priority: int
    expected: int
    already: bool
    part: Part = WHOLE
    repeats_before: int | None = None

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `submit --json`."""
        return {
            "job_id": self.job_id,
            "priority": self.priority,
            "expected": self.expected,
            "already_queued": self.already,
            "without": list(self.part.without),
            "part": self.part.chosen(),
            "repeats_before": self.repeats_before,
        }


def submit_job(request: RunRequest, settings: Settings, job: Job, url: str, priority: int) -> Submission:
    """Put a job into the queue.

    Raises `JobLocked` while it runs, `UsageError` if the stored job differs, or its limit on cost cannot be kept.
    """
    job_id = request.given_or_new_id(job)
    _require_cost_limit(request, settings, job)
    write_stderr("".join(f"warning: {printable(warning)}\n" for warning in job.warnings))
    try:
        return asyncio.run(_submit(request, settings, job, job_id, url, priority))
    except Interrupted as interrupted:
        interrupted.hint = f"it may be in the queue: {command('queue')} shows that; submitting it again changes nothing"
        raise


def _require_cost_limit(request: RunRequest, settings: Settings, job: Job) -> None:
    """Raise `UsageError` if a price is not known that the worker will need, as far as this machine knows endpoints."""
    limits, lanes = request.limits(job, settings), job.lanes_in(request.part)
    if limits.max_cost is None:
        return
    try:
        endpoints = asked_endpoints(settings, job, lanes)
    except ConfigError:  # only the workers have them
        return
    require_cost_limit(settings, lanes, endpoints, limits)


async def _submit(
    request: RunRequest, settings: Settings, job: Job, job_id: str, url: str, priority: int
) -> Submission:
    give_up_at = time.monotonic() + _TURN_SECONDS
    while True:
        try:
            return await _submitted(request, settings, job, job_id, url, priority)
        except JobLocked as locked:  # another submission of the same job will end in a moment
            if not locked.message.endswith(_ALREADY_GONE) and _SUBMITTING not in locked.message:
                raise
            if time.monotonic() > give_up_at:
                raise
            await asyncio.sleep(random.uniform(0.05, 0.2))


async def _submitted(
    request: RunRequest, settings: Settings, job: Job, job_id: str, url: str, priority: int
) -> Submission:
    async with open_job_store(
        url,
        job,
        job_id,
        batching=request.batching,
        journal_folder=settings.journal_path(),
        notify=lambda text: write_stderr(f"{text}\n"),
        holder=f"process {os.getpid()} on {socket.gethostname()[:20]}, {_SUBMITTING}",
    ) as store:
        for doubt in await doubts(request, store.claim, url, regions=settings.vocabulary.regions):
            write_stderr(f"warning: {printable(doubt)}\n")
        before = store.claim.repeats_before
        entry, already = await store.submit(partial(_entry_of, job_id, priority, request, grows=before is not None))
    return Submission(job_id, entry.id, entry.priority, job.expected, already, request.part, before)


async def _entry_of(
    job_id: str, priority: int, request: RunRequest, connection: AsyncConnection, *, grows: bool
) -> tuple[Entry, bool]:
    """Return the job's entry, and whether it existed before; an existing entry keeps its priority and its part.

    If the job `grows`, an entry that a worker has does not count: it may be about to end, without the new repeats. No
    other process adds an entry at the same time: the caller holds the job's lock.
    """
    async with connection.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(query("fleet", "entries"), {"job": job_id})
        found = await cursor.fetchall()
    if found and not (grows and found[-1].taken):
        return found[-1], True
    entry = await enqueue(connection, job_id, priority, request.part, check=request.check)
    return Entry(entry, priority), False
