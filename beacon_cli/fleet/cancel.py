"""`beacon cancel`: stop a job, wherever it waits or runs, and see that it has stopped."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from beacon_cli.audit.stored_job import find_job
from beacon_cli.errors import BeaconError, ProblemsFound
from beacon_cli.fleet.dbos_queue import client
from beacon_cli.fleet.progress import JobProgress, job_progress
from beacon_cli.fleet.queries import query
from beacon_cli.fleet.unfinished import give_up_job
from beacon_cli.store.connect import connect, translated

_WAIT_SECONDS = 15.0
_LOOK_SECONDS = 0.1


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
        if self.was not in {"queued", "running"}:
            return (ProblemsFound(f"job {self.job_id} had ended before: it is {self.status}"),)
        if self.status == "running":
            return (
                ProblemsFound(
                    f"job {self.job_id} has not stopped within {_WAIT_SECONDS:.0f} s",
                    hint="beacon queue shows who holds it; a run outside the fleet is stopped where it runs",
                ),
            )
        return ()


def cancel_job(url: str, job_id: str) -> Cancelled:
    """Stop a job. Raises `JobNotFound`, and `StoreError`."""
    with connect(url) as connection, translated():
        began = time.monotonic()
        before = job_progress(connection, find_job(connection, job_id).id)
        with client(url) as queue:
            for entry, _ in connection.execute(query("entries"), {"job": job_id}).fetchall():
                queue.cancel_workflow(str(entry))
        if before.holder is None:
            give_up_job(url, job_id, "cancelled")
        after = _wait_until_stopped(connection, url, job_id, before)
    return Cancelled(job_id, before.status, after.status, after.counts, round(time.monotonic() - began, 3))


def _wait_until_stopped(connection: Any, url: str, job_id: str, state: JobProgress) -> JobProgress:
    deadline = time.monotonic() + _WAIT_SECONDS
    while state.status in {"queued", "running"} or state.holder is not None:
        if state.holder is None:  # nobody is left to write how it ended
            give_up_job(url, job_id, "cancelled")
        if time.monotonic() > deadline:
            break
        time.sleep(_LOOK_SECONDS)
        state = job_progress(connection, job_id)
    return state
