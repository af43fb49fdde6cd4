"""What a job cost by its rows: what `beacon costs --no-billing` says."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from beacon_cli.costs.report import By, cost_report
from beacon_cli.costs.texts import NOTHING_ASKED, report_lines, sum_cells
from beacon_cli.dashboard.pages import page
from beacon_cli.dashboard.site import JobOf, Reading, SiteOf

router = APIRouter()
_BY: tuple[By, ...] = ("region", "model", "run")


@router.api_route("/jobs/{job_id}/costs", methods=["GET", "HEAD"])
def costs(request: Request, site: SiteOf, connection: Reading, job: JobOf) -> HTMLResponse:
    """Return the page of costs. Modal is not asked: these pages ask no server."""
    if job.schema == "legacy":
        return page(request, "costs.html.j2", tab="costs", job=job, report=None)
    report = cost_report(connection, site.settings, job.id, None, billing=False, as_json=True)
    return page(
        request,
        "costs.html.j2",
        tab="costs",
        job=job,
        report=report,
        tables=[(by, [sum_cells(name, each) for name, each in report.groups[by].items()]) for by in _BY],
        total=sum_cells("all", report.total),
        lines=list(report_lines(report)),
        nothing=NOTHING_ASKED,
    )
