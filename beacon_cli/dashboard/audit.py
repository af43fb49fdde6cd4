"""The audit of a job: what `beacon check-db` says."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from beacon_cli.audit.audit import audited
from beacon_cli.audit.sentences import (
    MARKS,
    check_lines,
    headline,
    next_command,
    reason_lines,
    stored_answers,
    verdict_sentence,
)
from beacon_cli.dashboard.pages import page
from beacon_cli.dashboard.site import JobOf, Reading

router = APIRouter()


@router.api_route("/jobs/{job_id}/audit", methods=["GET", "HEAD"])
def audit(request: Request, connection: Reading, job: JobOf) -> HTMLResponse:
    """Return the page of the audit. It is made anew each time."""
    report = audited(connection, job)
    return page(
        request,
        "audit.html.j2",
        tab="audit",
        job=job,
        report=report,
        headline=headline(report),
        stored=stored_answers(report),
        reasons=list(reason_lines(report)),
        checks=list(check_lines(report)),
        marks=MARKS,
        verdict=verdict_sentence(report),
        next_command=next_command(report),
    )
