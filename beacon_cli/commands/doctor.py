"""`beacon doctor`: is everything there that Beacon needs, and what is to be done?"""

from __future__ import annotations

import typer

from beacon_cli.commands.common import DatabaseUrl, Json, Quiet
from beacon_cli.console.result import CommandResult


def doctor(
    ctx: typer.Context, database_url: DatabaseUrl = None, quiet: Quiet = False, as_json: Json = False
) -> CommandResult:
    """Check the set-up: configuration, database, network, endpoints, packages. Exit code 1 if something is wrong.

    It changes nothing, starts nothing, and takes at most 20 seconds. Endpoints are asked only what costs nothing.
    """
    from beacon_cli.checkup.examine import examined
    from beacon_cli.checkup.table import show_checkup
    from beacon_cli.console.status_line import status_line

    with status_line("looking at the set-up"):
        checkup = examined(ctx.obj.config_path, database_url)
    return CommandResult(
        "doctor",
        checkup.as_data(),
        exit_code=1 if checkup.problems else 0,
        as_json=as_json,
        problems=checkup.problems,
        show=show_checkup(checkup),
        quiet=quiet,
    )
