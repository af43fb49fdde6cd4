"""`beacon rollback`: go back to an earlier deployment."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.command_line.groups import BeaconCommand, command_group
from beacon_cli.commands.common import Json, ModalEnvironment, VerifyAfterwards, region_option
from beacon_cli.console.result import CommandResult


def version_number(text: str) -> int:
    """Return the number of a version as Modal writes it: `v3`, or `3`."""
    number = str(text).removeprefix("v")
    if not (number.isascii() and number.isdigit() and int(number) > 0):
        raise typer.BadParameter(f"{text!r} is no version; they are written v1, v2, …")
    return int(number)


app = command_group("Go back to an earlier deployment.")


@app.callback()
def rollback() -> None:
    """Go back to an earlier deployment."""


@app.command("modal", cls=BeaconCommand)
def modal(
    ctx: typer.Context,
    region: Annotated[
        list[str] | None,
        region_option("Roll back"),
    ] = None,
    environment: ModalEnvironment = None,
    to: Annotated[
        int | None,
        typer.Option(
            metavar="VERSION",
            parser=version_number,
            help="The version to go back to, such as v3. Default: the one that was verified last.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the versions, without rolling back.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation on a terminal.")] = False,
    verify: VerifyAfterwards = True,
    as_json: Json = False,
) -> CommandResult:
    """Go back to the last version of the Modal apps that was verified.

    That is the last one that passed a verification from this machine. A region that serves it already is left alone, so
    the command can be repeated. Where something changes, the containers of the current version are stopped. On a
    terminal it shows the versions and asks first; a script is not asked. Exit code 1 if a region has a problem
    afterwards.
    """
    from beacon_cli.console.confirmation import require_confirmation
    from beacon_cli.deployment.chosen import chosen_regions
    from beacon_cli.deployment.commands import plan_rollback_modal, rollback_modal
    from beacon_cli.deployment.rollback import RollbackReport, RollbackRequest
    from beacon_cli.endpoints.environment import environment_name

    settings = ctx.obj.settings
    request = RollbackRequest(
        chosen_regions(region or (), settings), environment=environment_name(settings, environment), to=to
    )
    if dry_run:
        return plan_rollback_modal(request, settings, as_json=as_json)

    def confirm(plan: RollbackReport) -> None:
        if not (yes or as_json):
            labels = ", ".join(outcome.region.label for outcome in plan.planned)
            require_confirmation(f"roll back {labels}? The containers of the current version are stopped.")

    return rollback_modal(request, settings, confirm=confirm, verify=verify, as_json=as_json)
