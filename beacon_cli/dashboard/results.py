"""All results of a job's comparison, by pages: one line for each question and model, with its verdict."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from beacon_cli.dashboard.addresses import job_address
from beacon_cli.dashboard.pages import page as page_of
from beacon_cli.dashboard.site import JobOf, SiteOf

router = APIRouter()
_ON_A_PAGE = 50


@router.api_route("/jobs/{job_id}/compare/results", methods=["GET", "HEAD"])
def results(
    request: Request,
    site: SiteOf,
    job: JobOf,
    text: str = "",
    verdict: str = "",
    inside: str = "",
    page: Annotated[int, Query(lt=2**31)] = 1,
) -> Response:
    """Return a page of the results that fit; while there is no comparison, lead to the page that makes it."""
    made = site.comparisons.made(job.id)
    if made is None:
        return RedirectResponse(job_address(job.id, "compare"), 303)
    wanted = text.strip()
    fitting = [
        row
        for row in made.results
        if verdict in ("", row.verdict) and inside in ("", row.inside) and wanted.lower() in row.question_id.lower()
    ]
    number = max(1, page)
    first = (number - 1) * _ON_A_PAGE
    return page_of(
        request,
        "results.html.j2",
        tab="compare",
        job=job,
        made=made,
        rows=fitting[first : first + _ON_A_PAGE],
        fitting=len(fitting),
        more=len(fitting) > first + _ON_A_PAGE,
        page_number=number,
        verdicts=list(dict.fromkeys(row.verdict for row in made.results)),
        insides=list(dict.fromkeys(row.inside for row in made.results)),
        wanted={"text": wanted, "verdict": verdict, "inside": inside},
    )
