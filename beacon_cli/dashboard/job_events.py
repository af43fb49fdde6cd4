"""What changes on a job's overview, as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import ExitStack

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from beacon_cli.dashboard.job_costs import cost_so_far
from beacon_cli.dashboard.job_values import job_values
from beacon_cli.dashboard.lane_rows import lane_rows
from beacon_cli.dashboard.site import Site, SiteOf
from beacon_cli.dashboard.watching import Value
from beacon_cli.errors import JobNotFound
from beacon_cli.records.find_job import StoredJob, find_job
from beacon_cli.records.recent_jobs import job_overview
from beacon_cli.records.snapshot import Connection, reading

router = APIRouter()
# What the rows cost is read less often: it takes a look into each answer.
_COST_SECONDS = 10.0


class JobReader:
    """Reads the values of a job again and again, on a connection of its own."""

    def __init__(self, site: Site, job_id: str) -> None:
        self._site = site
        self._job_id = job_id
        self._connection: Connection | None = None
        self._stack = ExitStack()
        self._cost = ""
        self._cost_at = -_COST_SECONDS

    def read(self) -> Mapping[str, Value]:
        """Return the values of now; of a deleted job only that it is. Raises `StoreError`."""
        try:
            return self._values(self._open())
        except JobNotFound:
            return {"status": "deleted"}
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next reading opens another one."""
        self._connection = None
        self._stack.close()

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = self._stack.enter_context(self._site.reading())
        return self._connection

    def _values(self, connection: Connection) -> Mapping[str, Value]:
        with reading(connection):
            job = find_job(connection, self._job_id, regions=self._site.regions)  # anew: a later run may add repeats
        overview = job_overview(connection, job)
        lanes = lane_rows(connection, job, overview.questions)
        if time.monotonic() - self._cost_at >= _COST_SECONDS:
            self._cost, self._cost_at = cost_so_far(connection, self._site, job), time.monotonic()
        return {**job_values(connection, self._site, job, overview, lanes), "cost": self._cost}


@router.get("/jobs/{job_id}/events")
async def job_events(request: Request, site: SiteOf, job_id: str, seen: str = "") -> StreamingResponse:
    """Return the events of a job, until the viewer leaves. `seen`: the id of the last event that it had before."""
    job = await asyncio.to_thread(_job, site, job_id)
    watch = site.watches.of(job.id, lambda: JobReader(site, job.id))
    return StreamingResponse(watch.events(request.headers.get("last-event-id", seen)), media_type="text/event-stream")


def _job(site: Site, job_id: str) -> StoredJob:
    with site.reading() as connection:
        return site.job(connection, job_id)
