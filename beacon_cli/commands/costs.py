"""`beacon costs`: what jobs cost."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from beacon_cli.command_line.values import job_ids
from beacon_cli.commands.common import DatabaseUrl, Json
from beacon_cli.console.result import CommandResult


def costs(
    ctx: typer.Context,
    job_id: Annotated[
        str | None,
        typer.Argument(
            metavar="JOB_ID",
            help="The id of the job, as for other commands. Without one: all jobs of the database.",
            show_default=False,
            autocompletion=job_ids,
        ),
    ] = None,
    by: Annotated[
        Literal["job", "run", "region", "model"] | None,
        typer.Option(help="What a row stands for. Default: a region of one job, or a job.", show_default=False),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Only what was answered since then: 2026-11-01, 2026-11-01T12:00 (UTC), or 7d."
        ),
    ] = None,
    billing: Annotated[
        bool,
        typer.Option(
            "--billing/--no-billing",
            help="Read Modal's billing report and the workspace's rates, if there are credentials of Modal.",
        ),
    ] = True,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> CommandResult:
    """Show what jobs cost, in US dollars, by what their rows say.

    Beside it stands what Modal billed, if there are credentials. No amount is without the date of its prices.
    """
    from datetime import UTC, datetime

    from beacon_cli.costs.report import cost_report
    from beacon_cli.costs.table import show_costs
    from beacon_cli.records.moments import parse_moment
    from beacon_cli.store.connect import connect_readonly
    from beacon_cli.store.database import open_database

    settings = ctx.obj.settings
    begin = None if since is None else parse_moment(since, datetime.now(UTC), option="--since")
    with open_database(settings, database_url) as url, connect_readonly(url) as connection:
        report = cost_report(connection, settings, job_id, begin, billing=billing, as_json=as_json)
    rows = by or ("region" if report.job_id else "job")
    return CommandResult("costs", report.as_data(), as_json=as_json, show=show_costs(report, rows))
