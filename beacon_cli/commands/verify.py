"""`beacon verify`: do the regions serve what they should serve, and is a bundle what was written?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beacon_cli.command_line.groups import BeaconCommand, command_group
from beacon_cli.commands.common import Json, Quiet, region_option
from beacon_cli.console.result import CommandResult

app = command_group("Verify the deployed endpoints, or a bundle.")


@app.callback()
def verify() -> None:
    """Verify the deployed endpoints, or a bundle."""


@app.command("endpoints", cls=BeaconCommand)
def endpoints(
    ctx: typer.Context,
    region: Annotated[
        list[str] | None,
        region_option("Verify"),
    ] = None,
    local: Annotated[bool, typer.Option("--local", help="Verify the servers of `serve` on this machine.")] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="Also ask each model one tiny question; this wakes GPUs, or costs tokens.")
    ] = False,
    timeout: Annotated[
        float,
        typer.Option(min=1, max=3600, metavar="SECONDS", help="Seconds to wait for a cold region, or for a probe."),
    ] = 180.0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> CommandResult:
    """Compare what every region serves with what it should serve. Exit code 1 if a region deviates.

    Without --probe this costs nothing: it only reads the lists of models, and `health`, which wakes no GPU.
    """
    from beacon_cli.deployment.verified import verify_and_record
    from beacon_cli.verification.request import requested_verification
    from beacon_cli.verification.table import show_verification

    settings = ctx.obj.settings
    requested = requested_verification(settings, region or (), local=local, probe=probe, timeout=timeout)
    report = verify_and_record(requested, settings)
    errors = (report.error,) if report.error is not None else ()
    return CommandResult(
        "verify endpoints",
        report.as_data(),
        report.exit_code,
        as_json=as_json,
        errors=errors,
        problems=report.problems,
        show=show_verification(report),
        quiet=quiet,
    )


@app.command("bundle", cls=BeaconCommand)
def bundle(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The zip that `beacon bundle` wrote; - reads it from stdin.")
    ],
    signer: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Whose signature is accepted: a public key of SSH, or a file of allowed signers as ssh-keygen reads "
            "it; - reads it from stdin.",
        ),
    ] = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> CommandResult:
    """Check that nothing in a bundle was changed, and compute its verdicts anew.

    It needs no network and no database of yours: the rows are read into one that is deleted afterwards. Exit code 1 if
    a file was changed, the signature is not good, questions or job file are not the job's, or the rows give another
    audit or other verdicts.
    """
    from beacon_cli.bundle.table import show_verified
    from beacon_cli.bundle.verify import verify_bundle

    verified = verify_bundle(file, signer)
    return CommandResult(
        "verify bundle",
        verified.as_data(),
        verified.exit_code,
        as_json=as_json,
        errors=(verified.error,) if verified.error is not None else (),
        problems=verified.problems,
        show=show_verified(verified),
        quiet=quiet,
    )
