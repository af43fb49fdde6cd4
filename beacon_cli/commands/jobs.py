"""`beacon jobs`: list the jobs in the database, with their progress."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.command_line.values import statuses
from beacon_cli.commands.common import DatabaseUrl, Json, journals
from beacon_cli.console.result import CommandResult


def jobs(
    ctx: typer.Context,
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, metavar="N", help="Maximum number of jobs to list, newest first.")
    ] = 20,
    status: Annotated[
        str | None,
        typer.Option(
            metavar="STATUS",
            help="Only jobs with this status: queued, running, interrupted (its process died), completed, partial, "
            "failed, cancelled (by a signal such as Ctrl-C) or set_aside; or resumable, all that can be resumed.",
            autocompletion=statuses,
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> CommandResult:
    """List jobs, newest first, with their progress."""
    from beacon_cli.records.recent_jobs import recent_jobs
    from beacon_cli.show.jobs_table import show_jobs
    from beacon_cli.store.connect import connect_readonly
    from beacon_cli.store.database import open_database

    with open_database(ctx.obj.settings, database_url) as url, connect_readonly(url) as connection:
        found = recent_jobs(connection, limit, status, regions=ctx.obj.settings.vocabulary.regions)
    kept = journals(ctx.obj.settings)
    data = {**found.as_data(), "journals": kept.as_data()}
    return CommandResult("jobs", data, as_json=as_json, show=show_jobs(found, status, kept))
