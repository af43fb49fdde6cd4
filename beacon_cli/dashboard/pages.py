"""Turns templates and values into pages."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from beacon_cli import __version__
from beacon_cli.console.formatting import arm_label
from beacon_cli.dashboard.addresses import job_address, page_address
from beacon_cli.fleet.tables import trouble_sentence, worker_state
from beacon_cli.html.environment import new_environment
from beacon_cli.show.answer import reason_of
from beacon_cli.show.jobs_table import asked_in


def page(request: Request, template: str, *, code: int = 200, **values: Any) -> HTMLResponse:
    """Return a page of `templates/`, with its HTTP status `code`. What is text in `values` is inert in it."""
    made = _environment().get_template(template)
    return HTMLResponse(made.render(version=__version__, path=request.url.path, **values), status_code=code)


@cache
def _environment() -> Environment:
    return new_environment(
        "beacon_cli.dashboard",
        {
            "arm_label": arm_label,
            "job_address": job_address,
            "page_address": page_address,
            "reason_of": reason_of,
            "trouble_sentence": trouble_sentence,
            "worker_state": worker_state,
            "asked_in": partial(asked_in, times="×", roomy=True),
        },
    )
