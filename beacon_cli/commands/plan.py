"""`beacon plan`: what a job would ask, and what it can find."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.commands.common import (
    AskedModels,
    AskedQuestions,
    AskedRegions,
    BatchingOption,
    JobFile,
    Json,
    MaxInFlight,
    NewJobId,
    NoCheck,
    OldPrompt,
    Without,
)
from beacon_cli.console.result import CommandResult


def plan(
    ctx: typer.Context,
    job_file: JobFile,
    power: Annotated[
        float,
        typer.Option(
            min=0.05,
            max=0.99,
            metavar="SHARE",
            help="Say how many repeats it takes to find a difference as likely as this.",
        ),
    ] = 0.8,
    local: Annotated[bool, typer.Option("--local", help="Plan for the servers of this machine.")] = False,
    batching: BatchingOption = None,
    max_in_flight: MaxInFlight = None,
    model: AskedModels = None,
    region: AskedRegions = None,
    question: AskedQuestions = None,
    without: Without = None,
    no_check: NoCheck = False,
    job_id: NewJobId = None,
    old_prompt: OldPrompt = None,
    as_json: Json = False,
) -> CommandResult:
    """Show what a job would ask, and how likely it finds that a region differs. Nothing is asked or stored.

    The chances come from simulated jobs: they show which design is too small, not what real models do.
    """
    from beacon_cli.runs.chosen_part import part_named
    from beacon_cli.runs.request import RunRequest

    regions = ctx.obj.settings.vocabulary.regions
    request = RunRequest(
        job_file=job_file,
        local=local,
        batching=batching,
        max_in_flight=max_in_flight,
        job_id=job_id,
        old_prompt=old_prompt,
        config=ctx.obj.config_path,
        part=part_named(regions, models=model, regions=region, questions=question, without=without),
        check=not no_check,
    )
    job = request.load(ctx.obj.settings)
    from beacon_cli.runs.plan import plan_job

    return plan_job(request, ctx.obj.settings, job, as_json=as_json, command="plan", power=power)
