"""The overview of a job: how far it is, lane by lane, and what it does now."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from beacon_cli.dashboard.pages import page
from beacon_cli.dashboard.site import JobOf, Reading
from beacon_cli.records.recent_jobs import job_overview

router = APIRouter()


@router.api_route("/jobs/{job_id}", methods=["GET", "HEAD"])
def job_page(request: Request, connection: Reading, job: JobOf) -> HTMLResponse:
    """Return the overview of a job."""
    return page(request, "job_overview.html.j2", tab="", job=job_overview(connection, job))
