"""`beacon verify`: is what is deployed what should be deployed, and does it answer?"""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.commands.common import Json
from beacon_cli.output.result import CommandResult

app = typer.Typer(help="Prove what is deployed.")


@app.callback()
def verify() -> None:
    """Prove what is deployed."""


@app.command("endpoints")
def endpoints(
    ctx: typer.Context,
    region: Annotated[
        list[str] | None,
        typer.Option("--region", metavar="R", help="Verify only this region; may be given more than once."),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Verify the servers of beacon serve, at its own ports.")
    ] = False,
    probe: Annotated[bool, typer.Option("--probe", help="Ask each model one tiny question; this wakes GPUs.")] = False,
    timeout: Annotated[
        float,
        typer.Option(min=1, max=3600, metavar="S", help="Seconds that a cold region, or a probe, is waited for."),
    ] = 180.0,
    as_json: Json = False,
) -> CommandResult:
    """Compare what every region serves with the registry. Exit code 1 if a region deviates.

    It costs nothing without --probe: only models and health are read, which no GPU is woken for.
    """
    from beacon_cli.output.verify_table import show_verification
    from beacon_cli.verification.request import verify_configured

    report = verify_configured(ctx.obj.settings, region or (), local=local, probe=probe, timeout=timeout)
    errors = (report.error,) if report.error is not None else ()
    return CommandResult(
        *("verify endpoints", report.as_data(), report.exit_code),
        as_json=as_json,
        errors=errors,
        problems=report.problems,
        show=show_verification(report),
    )
