"""`beacon rollback`: go back to the previous deployment."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.command_line.groups import BeaconCommand, command_group
from beacon_cli.commands.common import Json, region_option
from beacon_cli.console.result import CommandResult

app = command_group("Go back to the previous deployment.")


@app.callback()
def rollback() -> None:
    """Go back to the previous deployment."""


@app.command("modal", cls=BeaconCommand)
def modal(
    ctx: typer.Context,
    region: Annotated[
        list[str] | None,
        region_option("Roll back"),
    ] = None,
    environment: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The Modal environment. Default: modal.environment of beacon.toml."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the versions, without rolling back.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation on a terminal.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Verify the endpoints afterwards; this wakes no GPU.")
    ] = True,
    as_json: Json = False,
) -> CommandResult:
    """Restore the previous version of the Modal apps.

    The containers of the current version are stopped. On a terminal it asks first; a script is not asked.
    """
    from beacon_cli.console.confirmation import require_confirmation
    from beacon_cli.deployment.chosen import chosen_regions
    from beacon_cli.deployment.commands import rollback_modal
    from beacon_cli.deployment.rollback import RollbackRequest
    from beacon_cli.endpoints.recorded import environment_name

    settings = ctx.obj.settings
    request = RollbackRequest(
        chosen_regions(region or (), settings), environment_name(settings, environment), dry_run=dry_run
    )
    if not (dry_run or yes or as_json):
        labels = ", ".join(each.label for each in request.regions)
        require_confirmation(f"roll back {labels}? The containers of the current version are stopped.")
    return rollback_modal(request, settings, verify=verify, as_json=as_json)
