"""The application: its pages, its files, and what is said when something is wrong."""

from __future__ import annotations

from importlib import resources

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from beacon_cli.console.redaction import redacted
from beacon_cli.dashboard import (
    answers,
    audit,
    compare,
    costs,
    fleet_page,
    job_events,
    job_list,
    job_page,
    one_answer,
    results,
)
from beacon_cli.dashboard.guard import Guard
from beacon_cli.dashboard.one_answer import NoAnswer
from beacon_cli.dashboard.pages import page
from beacon_cli.dashboard.site import Site
from beacon_cli.errors import BeaconError, JobNotFound, StoreError, UsageError
from beacon_cli.faults import explained
from beacon_cli.html.style import style

_ROUTERS = (
    *(job_list.router, job_page.router, job_events.router, fleet_page.router),
    *(answers.router, one_answer.router, compare.router, results.router, audit.router, costs.router),
)
_RETRY_SECONDS = 3


def create_app(site: Site, *, port: int) -> ASGIApp:
    """Return the application for a database, as it answers at a port of this machine."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.state.site = site
    for router in _ROUTERS:
        app.include_router(router)
    app.add_api_route("/page.css", _style, methods=["GET", "HEAD"])
    app.add_api_route("/dashboard.js", _script, methods=["GET", "HEAD"])
    app.add_exception_handler(HTTPException, _no_page)
    app.add_exception_handler(RequestValidationError, _bad_address)
    app.add_exception_handler(NoAnswer, _no_answer)
    app.add_exception_handler(Exception, _fault)
    for known in (BeaconError, JobNotFound, StoreError, UsageError):
        app.add_exception_handler(known, _fault)
    return Guard(app, site=site, port=port)


def _style() -> Response:
    return Response(style(), media_type="text/css", headers={"Cache-Control": "no-cache"})


def _script() -> Response:
    script = resources.files("beacon_cli.dashboard").joinpath("templates", "dashboard.js").read_text(encoding="utf-8")
    return Response(script, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


async def _no_page(request: Request, _: Exception) -> Response:
    return _problem(request, 404, BeaconError("there is no such page", hint="the jobs are at /"))


async def _no_answer(request: Request, missing: Exception) -> Response:
    assert isinstance(missing, NoAnswer)
    return _problem(request, 404, missing, answers=missing.address)


async def _bad_address(request: Request, _: Exception) -> Response:
    return _problem(request, 400, UsageError("this address is not one of the dashboard's", hint="the jobs are at /"))


async def _fault(request: Request, fault: Exception) -> Response:
    """Return a page that says what is wrong; while the database is away, it asks again by itself."""
    error = fault if isinstance(fault, BeaconError) else explained(fault)
    if isinstance(error, JobNotFound):
        return _problem(request, 404, error)
    if isinstance(error, UsageError):
        return _problem(request, 400, error)
    if isinstance(error, StoreError):
        return _problem(request, 503, error, retry=_RETRY_SECONDS)
    return _problem(request, 500, error)


def _problem(
    request: Request, code: int, error: BeaconError, *, retry: int | None = None, answers: str = ""
) -> Response:
    response = page(
        request,
        "problem.html.j2",
        code=code,
        message=redacted(error.message),
        hint=redacted(error.hint),
        retry=retry,
        answers=answers,
    )
    if retry is not None:
        response.headers["Retry-After"] = str(retry)
    return response
