"""`beacon queue`: show the fleet's jobs, calls in flight and workers, and what is stuck."""

from __future__ import annotations

import typer

from beacon_cli.commands.common import DatabaseUrl, Json, Quiet, journals
from beacon_cli.console.result import CommandResult


def queue(
    ctx: typer.Context, database_url: DatabaseUrl = None, quiet: Quiet = False, as_json: Json = False
) -> CommandResult:
    """Show the fleet: its jobs, calls in flight, caps and workers. Exit code 1 if something is stuck."""
    from beacon_cli.fleet.tcp import fleet_database

    url = fleet_database(ctx.obj.settings, database_url, reading=True)
    from beacon_cli.fleet.overview import fleet_overview
    from beacon_cli.fleet.tables import show_overview

    settings = ctx.obj.settings
    overview = fleet_overview(url, journals(settings), regions=settings.vocabulary.regions)
    problems = overview.problems()
    return CommandResult(
        "queue",
        overview.as_data(),
        exit_code=1 if problems else 0,
        as_json=as_json,
        problems=problems,
        show=show_overview(overview),
        quiet=quiet,
    )
