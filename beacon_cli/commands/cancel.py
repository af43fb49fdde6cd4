"""`beacon cancel`: stop a job of the fleet, wherever it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.commands.common import DatabaseUrl, Json
from beacon_cli.output.result import CommandResult


def cancel(
    ctx: typer.Context,
    job_id: Annotated[str, typer.Argument(help="The job to stop.")],
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> CommandResult:
    """Take a job out of the queue, or have its worker stop it: calls in flight are closed and recorded as cancelled."""
    from beacon_cli.fleet.tcp import fleet_database

    url = fleet_database(ctx.obj.settings, database_url)
    from beacon_cli.fleet.cancel import cancel_job
    from beacon_cli.output.fleet_tables import show_cancelled

    cancelled = cancel_job(url, job_id)
    problems = cancelled.problems()
    return CommandResult(
        *("cancel", cancelled.as_data(), 1 if problems else 0, as_json),
        problems=problems,
        show=show_cancelled(cancelled),
    )
