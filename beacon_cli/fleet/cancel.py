"""`beacon cancel`: stop a job, whether it waits or runs, and check that it has stopped."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import Any

from beacon_cli.console.program_name import command
from beacon_cli.errors import BeaconError, ProblemsFound
from beacon_cli.fleet.job_queue import JobQueue, open_queue
from beacon_cli.fleet.progress import JobProgress, job_progress, rows_by_region, rows_by_status
from beacon_cli.fleet.unfinished import give_up_job
from beacon_cli.records.find_job import find_job
from beacon_cli.store.connect import connect, translated
from modal_deployment.regions import Regions

_WAIT_SECONDS = 15.0
_LOOK_SECONDS = 0.1
_GOING_ON = {"queued", "running", "interrupted", "set_aside"}


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The result of stopping a job. `was` is the status before; `seconds` is how long stopping took."""

    job_id: str
    was: str
    status: str
    counts: dict[str, int]
    seconds: float

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `cancel --json`."""
        return asdict(self)

    def problems(self) -> tuple[BeaconError, ...]:
        """Return why the exit code is not 0: the job had already ended, or has not stopped yet."""
        if self.was not in _GOING_ON:
            return (ProblemsFound(f"job {self.job_id} has already ended: it is {self.status}"),)
        if self.status in _GOING_ON:
            return (
                ProblemsFound(
                    f"job {self.job_id} did not stop within {_WAIT_SECONDS:.0f} s",
                    hint=f"{command('queue')} shows what runs it; stop a run outside the fleet on its own machine",
                ),
            )
        return ()


def cancel_job(url: str, job_id: str, *, regions: Regions) -> Cancelled:
    """Stop a job; `regions` are the known ones. Raises `JobNotFound`, and `StoreError`."""
    return asyncio.run(_cancel_job(url, job_id, regions))


async def _cancel_job(url: str, job_id: str, regions: Regions) -> Cancelled:
    async with open_queue(url) as queue:
        with connect(url) as connection, translated():
            began = time.monotonic()
            before = now = job_progress(connection, find_job(connection, job_id, regions=regions).id)
            while now.entries or now.state.holder is not None or now.state.status in _GOING_ON:
                await _stop(queue, url, job_id, now)
                now = job_progress(connection, job_id)
                if time.monotonic() > began + _WAIT_SECONDS:
                    break
                await asyncio.sleep(_LOOK_SECONDS)
            counts = rows_by_status(rows_by_region(connection, job_id))
    seconds = round(time.monotonic() - began, 3)
    return Cancelled(job_id, before.state.status, now.state.status, counts, seconds)


async def _stop(queue: JobQueue, url: str, job_id: str, now: JobProgress) -> None:
    """Do what is possible at this moment. It is called again: a submission or a take-over may be in progress."""
    nobody_runs_it = now.state.holder is None
    for entry in now.entries:
        await queue.cancel(entry.id)
        if entry.taken and nobody_runs_it:  # a live worker that has taken it will notice
            await queue.give_up(entry.id)
    if nobody_runs_it:  # no worker is left to store how it ended
        set_aside = ("failed",) if now.state.status == "set_aside" else ()
        give_up_job(url, job_id, "cancelled", ("created", "running", *set_aside))
