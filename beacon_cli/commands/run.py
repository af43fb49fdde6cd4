"""`beacon run`: run a job, or resume one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from beacon_cli.command_line.values import execution_statuses
from beacon_cli.commands.common import (
    AskedModels,
    AskedQuestions,
    AskedRegions,
    BatchingOption,
    DatabaseUrl,
    JobFile,
    Json,
    MaxInFlight,
    NewJobId,
    NoCheck,
    OldPrompt,
    Quiet,
    Without,
)
from beacon_cli.console.output_file import file_beside_stdout
from beacon_cli.console.result import CommandResult


def run(
    ctx: typer.Context,
    job_file: JobFile,
    local: Annotated[
        bool, typer.Option("--local", help="Start regional servers on this machine and ask them.")
    ] = False,
    batching: BatchingOption = None,
    max_in_flight: MaxInFlight = None,
    model: AskedModels = None,
    region: AskedRegions = None,
    question: AskedQuestions = None,
    without: Without = None,
    no_check: NoCheck = False,
    job_id: NewJobId = None,
    old_prompt: OldPrompt = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be asked, what it costs and what it can find, as plan.")
    ] = False,
    again: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STATUS",
            help="Ask cells with this status again, such as empty or blocked. A new answer replaces the old one, which "
            "is kept aside. Repeatable.",
            autocompletion=execution_statuses,
        ),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            callback=file_beside_stdout,
            help="Append every event to this file, one JSON document per line.",
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> CommandResult:
    """Run a job, or resume one.

    It asks all models in all regions the job's questions, one question after the other, and records every answer.
    Run a job again under the same id to ask only what has no answer yet.
    """
    from beacon_cli.runs.chosen_part import part_named
    from beacon_cli.runs.request import RunRequest, statuses_to_ask_again

    request = RunRequest(
        job_file=job_file,
        local=local,
        batching=batching,
        max_in_flight=max_in_flight,
        job_id=job_id,
        old_prompt=old_prompt,
        events=events,
        database_url=database_url,
        config=ctx.obj.config_path,
        again=statuses_to_ask_again(again or ()),
        part=part_named(
            ctx.obj.settings.vocabulary.regions, models=model, regions=region, questions=question, without=without
        ),
        check=not no_check,
    )
    job = request.load(ctx.obj.settings)  # before the other imports: a bad job file needs none of them
    if dry_run:
        from beacon_cli.runs.plan import plan_job

        return replace(plan_job(request, ctx.obj.settings, job, as_json=as_json), quiet=quiet)
    from beacon_cli.runs.command import run_job

    return replace(run_job(request, ctx.obj.settings, job, as_json=as_json), quiet=quiet)
