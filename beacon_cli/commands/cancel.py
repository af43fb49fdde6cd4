"""`beacon cancel`: stop a job of the fleet, wherever it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.command_line.values import job_ids
from beacon_cli.commands.common import DatabaseUrl, Json
from beacon_cli.console.result import CommandResult


def cancel(
    ctx: typer.Context,
    job_id: Annotated[str, typer.Argument(metavar="JOB_ID", help="The full id of the job.", autocompletion=job_ids)],
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> CommandResult:
    """Stop a job of the fleet, whether it waits or runs.

    A waiting job is removed from the queue. A running job is stopped by its worker, which closes the calls in flight
    and records them as cancelled.
    """
    from beacon_cli.fleet.tcp import fleet_database

    url = fleet_database(ctx.obj.settings, database_url)
    from beacon_cli.fleet.cancel import cancel_job
    from beacon_cli.fleet.tables import show_cancelled

    cancelled = cancel_job(url, job_id, regions=ctx.obj.settings.vocabulary.regions)
    problems = cancelled.problems()
    return CommandResult(
        "cancel",
        cancelled.as_data(),
        exit_code=1 if problems else 0,
        as_json=as_json,
        problems=problems,
        show=show_cancelled(cancelled),
    )
