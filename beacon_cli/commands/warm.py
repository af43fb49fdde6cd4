"""`beacon warm`: start what a job will use, and wait until it answers."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.command_line.values import models
from beacon_cli.commands.common import JobFile, Json, Quiet, region_option
from beacon_cli.console.result import CommandResult


def warm(
    ctx: typer.Context,
    job_file: JobFile,
    keep: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="DURATION",
            help="Keep it warm for this long after the first answers, such as 30m (24h at most): a tiny question is "
            "asked before a container would end. This costs GPUs for as long.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Start only this model. Repeatable.", autocompletion=models),
    ] = None,
    region: Annotated[list[str] | None, region_option("Start")] = None,
    timeout: Annotated[
        float, typer.Option(min=1, max=3600, metavar="SECONDS", help="Seconds to wait for an answer of each container.")
    ] = 600.0,
    quiet: Quiet = False,
    as_json: Json = False,
) -> CommandResult:
    """Start the containers that a job will use, and wait until they answer. Exit code 1 if one does not.

    Each model in each region is asked a tiny question, all at the same time. Endpoints that are not Beacon's own have
    nothing to start.
    """
    from beacon_cli.runs.chosen_part import part_named
    from beacon_cli.runs.request import RunRequest
    from beacon_cli.warming.request import seconds_to_keep, warm_job
    from beacon_cli.warming.table import show_warm

    settings = ctx.obj.settings
    part = part_named(settings.vocabulary.regions, models=model, regions=region, questions=None, without=None)
    request = RunRequest(job_file=job_file, part=part)
    report = warm_job(request, settings, timeout=timeout, keep_seconds=seconds_to_keep(keep))
    return CommandResult(
        "warm",
        report.as_data(),
        report.exit_code,
        as_json=as_json,
        errors=() if report.error is None else (report.error,),
        problems=report.problems,
        show=show_warm(report, job_file),
        quiet=quiet,
    )
