"""The overview of a job: how far it is, lane by lane, and what it does now."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from beacon_cli.dashboard.job_costs import cost_so_far
from beacon_cli.dashboard.job_values import WATCHED, job_values
from beacon_cli.dashboard.lane_rows import grid, lane_rows
from beacon_cli.dashboard.pages import page
from beacon_cli.dashboard.site import JobOf, Reading, SiteOf
from beacon_cli.records.history import history_of
from beacon_cli.records.recent_jobs import job_overview
from beacon_cli.show.jobs_table import what_to_do

router = APIRouter()


@router.api_route("/jobs/{job_id}", methods=["GET", "HEAD"])
def job_page(request: Request, site: SiteOf, connection: Reading, job: JobOf) -> HTMLResponse:
    """Return the overview of a job."""
    overview = job_overview(connection, job)
    lanes = lane_rows(connection, job, overview.questions)
    models, regions = grid(lanes)
    values = job_values(connection, site, job, overview, lanes)
    return page(
        request,
        "job_overview.html.j2",
        tab="",
        job=overview,
        watched=overview.status in WATCHED,
        values={**values, "cost": cost_so_far(connection, site, job)},
        models=models,
        regions=regions,
        history=history_of(connection, job),
        what_to_do=None if job.schema == "legacy" else what_to_do(overview),
    )
