"""The page of all jobs: what `beacon jobs` lists, by pages, status and text."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from beacon_cli.dashboard.pages import page as page_of
from beacon_cli.dashboard.site import Reading, SiteOf
from beacon_cli.records.journal_lines import journal_lines, own_journals
from beacon_cli.records.overview import RESUMABLE, STATUSES
from beacon_cli.records.recent_jobs import recent_jobs

router = APIRouter()
_ON_A_PAGE = 50


@router.api_route("/", methods=["GET", "HEAD"])
def job_list(
    request: Request,
    site: SiteOf,
    connection: Reading,
    status: str = "",
    text: str = "",
    page: Annotated[int, Query(lt=2**31)] = 1,
) -> HTMLResponse:
    """Return the page of all jobs."""
    number = max(1, page)
    found = recent_jobs(
        connection,
        _ON_A_PAGE,
        status or None,
        text=text.strip() or None,
        skip=(number - 1) * _ON_A_PAGE,
        regions=site.regions,
    )
    return page_of(
        request,
        "job_list.html.j2",
        jobs=found.jobs,
        more=found.more,
        page_number=number,
        status=status,
        statuses=(*STATUSES, RESUMABLE),
        journals=journal_lines(own_journals(site.settings)),
        text=text.strip(),
    )
