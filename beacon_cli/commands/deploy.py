"""`beacon deploy`: deploy the regional apps on Modal, then verify them."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from beacon_cli.command_line.groups import BeaconCommand, command_group
from beacon_cli.commands.common import Json, ModalEnvironment, VerifyAfterwards, region_option
from beacon_cli.console.result import CommandResult

app = command_group("Deploy the regional apps.")


@app.callback()
def deploy() -> None:
    """Deploy the regional apps."""


@app.command("modal", cls=BeaconCommand)
def modal(
    ctx: typer.Context,
    region: Annotated[
        list[str] | None,
        region_option("Deploy"),
    ] = None,
    environment: ModalEnvironment = None,
    strategy: Annotated[
        Literal["recreate", "rolling"],
        typer.Option(
            help="recreate: stop the old containers; necessary in a region at its cap. rolling: let them finish."
        ),
    ] = "recreate",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan without deploying.")] = False,
    verify: VerifyAfterwards = True,
    timeout: Annotated[
        float, typer.Option(min=1, max=86400, metavar="SECONDS", help="Maximum time for deploying, in seconds.")
    ] = 1800.0,
    as_json: Json = False,
) -> CommandResult:
    """Deploy one Modal app per region, all at the same time, and verify them.

    The models and regions are those of modal.models and modal.regions in beacon.toml. Exit code 1 if any region has a
    problem.
    """
    from beacon_cli.deployment.chosen import models_to_deploy, regions_to_deploy
    from beacon_cli.deployment.commands import deploy_modal, plan_modal
    from beacon_cli.deployment.plan import DeployRequest
    from beacon_cli.endpoints.environment import environment_name

    settings = ctx.obj.settings
    request = DeployRequest(
        regions=regions_to_deploy(region or (), settings),
        models=models_to_deploy(settings),
        containers=settings.modal.containers,
        snapshot=settings.modal.snapshot,
        environment=environment_name(settings, environment),
        strategy=strategy,
        timeout=timeout,
    )
    if dry_run:
        return plan_modal(request, settings, as_json=as_json)
    return deploy_modal(request, settings, verify=verify, as_json=as_json)
