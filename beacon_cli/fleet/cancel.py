"""`beacon cancel`: stop a job, wherever it waits or runs, and see that it has stopped."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from beacon_cli.audit.stored_job import find_job
from beacon_cli.errors import BeaconError, ProblemsFound
from beacon_cli.fleet.dbos_queue import client
from beacon_cli.fleet.progress import job_progress, rows_by_region, rows_by_status
from beacon_cli.fleet.unfinished import give_up_job
from beacon_cli.program_name import command
from beacon_cli.store.connect import connect, translated

_WAIT_SECONDS = 15.0
_LOOK_SECONDS = 0.1
_GOING_ON = {"queued", "running", "interrupted", "set_aside"}


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What became of a job that was to be stopped. `was` is the status before; `seconds` how long stopping took."""

    job_id: str
    was: str
    status: str
    counts: dict[str, int]
    seconds: float

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `cancel --json`."""
        return asdict(self)

    def problems(self) -> tuple[BeaconError, ...]:
        """Return why the exit code is not 0: it ended before, or has not stopped yet."""
        if self.was not in _GOING_ON:
            return (ProblemsFound(f"job {self.job_id} had ended before: it is {self.status}"),)
        if self.status in _GOING_ON:
            return (
                ProblemsFound(
                    f"job {self.job_id} has not stopped within {_WAIT_SECONDS:.0f} s",
                    hint=f"{command('queue')} shows who holds it; a run outside the fleet is stopped where it runs",
                ),
            )
        return ()


def cancel_job(url: str, job_id: str) -> Cancelled:
    """Stop a job. Raises `JobNotFound`, and `StoreError`."""
    with connect(url) as connection, translated(), client(url) as queue:
        began = time.monotonic()
        before = now = job_progress(connection, find_job(connection, job_id).id)
        while now.entries or now.state.holder is not None or now.state.status in _GOING_ON:
            for entry in now.entries:  # each time: a submission may be under way
                queue.cancel_workflow(entry.id)
            if now.state.holder is None:  # nobody is there to write how it ended
                set_aside = ("failed",) if now.state.status == "set_aside" else ()
                give_up_job(url, job_id, "cancelled", ("created", "running", *set_aside))
            now = job_progress(connection, job_id)
            if time.monotonic() > began + _WAIT_SECONDS:
                break
            time.sleep(_LOOK_SECONDS)
        counts = rows_by_status(rows_by_region(connection, job_id))
    seconds = round(time.monotonic() - began, 3)
    return Cancelled(job_id, before.state.status, now.state.status, counts, seconds)
