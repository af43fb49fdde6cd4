"""The comparison of a job's regions: what `beacon compare` and `beacon report` say, by the planned analysis."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from beacon_cli.dashboard.addresses import job_address
from beacon_cli.dashboard.comparisons import Failed, Made
from beacon_cli.dashboard.pages import page
from beacon_cli.dashboard.site import JobOf, Reading, SiteOf
from beacon_cli.records.stamp import stamp_of

router = APIRouter()
_RELOAD_SECONDS = 2


@router.api_route("/jobs/{job_id}/compare", methods=["GET", "HEAD"])
def compare(request: Request, site: SiteOf, connection: Reading, job: JobOf, anew: bool = False) -> Response:
    """Return the page of the comparison if it is ready, else how long it has taken so far."""
    stamp = stamp_of(connection, job)
    found = site.comparisons.of(job.id, stamp, anew=anew)
    if anew and not isinstance(found, Failed):
        return RedirectResponse(job_address(job.id, "compare"), 303)
    if isinstance(found, Made):
        return _page(
            request,
            job=job,
            made=found,
            judgement=Markup(found.html),
            newer=stamp.executions - found.stamp.executions,
            changed=stamp != found.stamp,
        )
    if isinstance(found, Failed):
        return _page(request, job=job, failed=found)
    return _page(request, job=job, making=found, reload_seconds=_RELOAD_SECONDS)


@router.api_route("/compare.js", methods=["GET", "HEAD"])
def script() -> Response:
    """Return the script of the report, which filters the map and the answers."""
    from beacon_cli.report.page import page_script

    return Response(page_script(), media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def _page(request: Request, **values: Any) -> HTMLResponse:
    unset: dict[str, Any] = {"made": None, "making": None, "failed": None, "reload_seconds": None}
    return page(request, "compare.html.j2", tab="compare", **{**unset, **values})
