"""`beacon run`: carry out a job, or go on with one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from beacon_cli.commands.common import DatabaseUrl, Json
from beacon_cli.output.result import CommandResult


def run(
    ctx: typer.Context,
    job_file: Annotated[Path, typer.Argument(metavar="JOB_FILE", help="The job: YAML or JSON.")],
    local: Annotated[
        bool, typer.Option("--local", help="Start regional servers on this machine and ask those.")
    ] = False,
    batching: Annotated[
        Literal["question", "region", "lane"] | None,
        typer.Option(
            help="What waits for what: all regions finish a question before the next (question, the default); "
            "each region on its own (region); each model in each region on its own (lane)."
        ),
    ] = None,
    max_in_flight: Annotated[
        int | None,
        typer.Option(min=1, max=1000, metavar="N", help="Calls in flight at once, over the whole job."),
    ] = None,
    job_id: Annotated[
        str | None, typer.Option(metavar="ID", help="Name the job; an id that has rows already is resumed.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and ask nothing.")] = False,
    events: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append every event to this file as a JSON line.")
    ] = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> CommandResult:
    """Ask a job's questions, one at a time, of all its models in all its regions, and record every answer.

    Running a job again asks only what has no answer yet.
    """
    from beacon_cli.runs.request import RunRequest

    request = RunRequest(
        *(job_file, local, batching, max_in_flight, job_id, events, database_url), config=ctx.obj.config_path
    )
    job = request.load(ctx.obj.settings)  # first: a bad job file needs none of what a run imports
    if dry_run:
        from beacon_cli.runs.plan import plan_job

        return plan_job(request, ctx.obj.settings, job, as_json=as_json)
    from beacon_cli.runs.carry_out import carry_out

    return carry_out(request, ctx.obj.settings, job, as_json=as_json)
