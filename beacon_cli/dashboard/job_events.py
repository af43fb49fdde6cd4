"""What changes on a job's overview, as server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from beacon_cli.dashboard.job_costs import cost_so_far
from beacon_cli.dashboard.job_values import job_values
from beacon_cli.dashboard.lane_rows import lane_rows
from beacon_cli.dashboard.site import Site, SiteOf
from beacon_cli.dashboard.watching import Value
from beacon_cli.errors import JobNotFound
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.recent_jobs import job_overview
from beacon_cli.store.connect import Connection

router = APIRouter()
# What the rows cost is read less often: it takes a look into each answer.
_COST_SECONDS = 10.0


class JobReader:
    """Reads the values of a job again and again, on a connection of its own."""

    def __init__(self, site: Site, job: StoredJob) -> None:
        self._site = site
        self._job = job
        self._connection: Connection | None = None
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
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = self._site.connect()
        return self._connection

    def _values(self, connection: Connection) -> Mapping[str, Value]:
        overview = job_overview(connection, self._job)
        lanes = lane_rows(connection, self._job, overview.questions)
        if time.monotonic() - self._cost_at >= _COST_SECONDS:
            self._cost, self._cost_at = cost_so_far(connection, self._site, self._job), time.monotonic()
        return {**job_values(connection, self._site, self._job, overview, lanes), "cost": self._cost}


@router.get("/jobs/{job_id}/events")
async def job_events(request: Request, site: SiteOf, job_id: str) -> StreamingResponse:
    """Return the events of a job, until the viewer leaves."""
    job = await asyncio.to_thread(_job, site, job_id)
    watch = site.watches.of(job.id, lambda: JobReader(site, job))
    return StreamingResponse(watch.events(request.headers.get("last-event-id", "")), media_type="text/event-stream")


def _job(site: Site, job_id: str) -> StoredJob:
    with site.reading() as connection:
        return site.job(connection, job_id)
