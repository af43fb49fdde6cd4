"""`beacon rollback`: the way back from a deployment."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.commands.common import Json
from beacon_cli.output.result import CommandResult

app = typer.Typer(help="Go back to the version before.")


@app.callback()
def rollback() -> None:
    """Go back to the version before."""


@app.command("modal")
def modal(
    ctx: typer.Context,
    region: Annotated[
        list[str] | None,
        typer.Option("--region", metavar="R", help="Roll back only this region; may be given more than once."),
    ] = None,
    environment: Annotated[
        str | None, typer.Option(metavar="E", help="The Modal environment. Default: modal.environment of beacon.toml.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Verify the endpoints afterwards, without waking a GPU.")
    ] = True,
    as_json: Json = False,
) -> CommandResult:
    """Put the version before back in place, region by region, and stop the containers of the present one."""
    from beacon_cli.deployment.commands import rollback_modal
    from beacon_cli.deployment.plan import chosen_regions
    from beacon_cli.deployment.record import environment_name
    from beacon_cli.deployment.rollback import RollbackRequest

    settings = ctx.obj.settings
    request = RollbackRequest(chosen_regions(region or ()), environment_name(settings, environment))
    return rollback_modal(request, settings, verify=verify, as_json=as_json)
