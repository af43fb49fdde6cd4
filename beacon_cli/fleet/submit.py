"""`beacon submit`: a job is written into the database, and put into the queue."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
import time
from dataclasses import dataclass
from typing import Any

from beacon_cli.errors import JobLocked
from beacon_cli.fleet.dbos_queue import client, enqueue
from beacon_cli.fleet.progress import Entry, entries_of
from beacon_cli.job.model import Job
from beacon_cli.output.result import say
from beacon_cli.printable import printable
from beacon_cli.program_name import command
from beacon_cli.runs.request import RunRequest
from beacon_cli.settings import Settings
from beacon_cli.signals import Interrupted
from beacon_cli.store.connect import connect, translated
from beacon_cli.store.job_store import open_job_store

# A step of priority is worth an hour of waiting: whoever waits long enough has its turn, whatever comes in.
STEP_SECONDS = 3600
HIGHEST_PRIORITY = 100
# What others are told of who holds the job; with the process and the host, as PostgreSQL keeps 63 bytes of it.
_SUBMITTING = "to submit it"
_ALREADY_GONE = "by another process"
_TURN_SECONDS = 10.0
# DBOS takes the lowest number first, and numbers from 1: seconds since the first hour of 2026, with room for the steps.
_ORDER = "SELECT extract(epoch FROM now())::bigint - 1767225600 + %s"


@dataclass(frozen=True, slots=True)
class Submission:
    """A job in the queue. `already` says that it was there before."""

    job_id: str
    entry: str
    priority: int
    expected: int
    already: bool

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `submit --json`."""
        return {
            "job_id": self.job_id,
            "priority": self.priority,
            "expected": self.expected,
            "already_queued": self.already,
        }


def submit_job(request: RunRequest, settings: Settings, job: Job, url: str, priority: int) -> Submission:
    """Put a job into the queue. Raises `JobLocked` while it runs, `UsageError` when its id asks something else."""
    job_id = request.id_for(job)
    say("".join(f"warning: {printable(warning)}\n" for warning in job.warnings))
    try:
        return asyncio.run(_submit(request, settings, job, job_id, url, priority))
    except Interrupted as interrupted:
        interrupted.hint = f"it may be in the queue: {command('queue')} shows that; to submit it again changes nothing"
        raise


async def _submit(
    request: RunRequest, settings: Settings, job: Job, job_id: str, url: str, priority: int
) -> Submission:
    give_up_at = time.monotonic() + _TURN_SECONDS
    while True:
        try:
            entry, already = await _submitted(request, settings, job, job_id, url, priority)
        except JobLocked as locked:  # another submission of the same job is over in a moment
            if not locked.message.endswith(_ALREADY_GONE) and _SUBMITTING not in locked.message:
                raise
            if time.monotonic() > give_up_at:
                raise
            await asyncio.sleep(random.uniform(0.05, 0.2))
        else:
            return Submission(job_id, entry.id, entry.priority, job.expected, already)


async def _submitted(
    request: RunRequest, settings: Settings, job: Job, job_id: str, url: str, priority: int
) -> tuple[Entry, bool]:
    async with open_job_store(
        *(url, job, job_id),
        batching=request.batching,
        journal_folder=settings.journal_path(),
        tell=lambda text: say(f"{text}\n"),
        holder=f"process {os.getpid()} on {socket.gethostname()[:20]}, {_SUBMITTING}",
    ) as store:
        await store.submit()
        return await asyncio.to_thread(_put, url, job_id, priority)


def _put(url: str, job_id: str, priority: int) -> tuple[Entry, bool]:
    """Return the job's entry, and whether it was there before; then its priority stays what it was."""
    with connect(url) as connection, translated():
        if found := entries_of(connection, job_id):
            return found[-1], True
        row = connection.execute(_ORDER, [(priority + HIGHEST_PRIORITY) * STEP_SECONDS]).fetchone()
        assert row is not None
    entry = Entry(f"{job_id}:{secrets.token_hex(4)}", priority)
    with client(url) as queue:  # nobody else puts it there meanwhile: the caller holds the job's lock
        enqueue(queue, entry.id, job_id, priority, int(str(row[0])))
    return entry, False
