"""`beacon submit`: put a job into the fleet's queue."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.commands.common import BatchingOption, DatabaseUrl, JobFile, Json, NewJobId, NoCheck, OldPrompt, Without
from beacon_cli.console.result import CommandResult


def submit(
    ctx: typer.Context,
    job_file: JobFile,
    priority: Annotated[
        int,
        typer.Option(
            min=-100, max=100, metavar="N", help="Lower numbers run first; each step counts as one hour of waiting."
        ),
    ] = 0,
    batching: BatchingOption = None,
    without: Without = None,
    no_check: NoCheck = False,
    job_id: NewJobId = None,
    old_prompt: OldPrompt = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the job has ended, and show its verdict.")] = False,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> CommandResult:
    """Put a job into the fleet's queue. A worker of the same Beacon version runs it."""
    from beacon_cli.fleet.tcp import fleet_database
    from beacon_cli.runs.request import RunRequest, regions_named

    settings = ctx.obj.settings
    request = RunRequest(
        job_file,
        batching=batching,
        job_id=job_id,
        old_prompt=old_prompt,
        database_url=database_url,
        without=regions_named(without or ()),
        check=not no_check,
    )
    job = request.load(settings)
    url = fleet_database(settings, database_url)
    from beacon_cli.fleet.submit import submit_job
    from beacon_cli.fleet.tables import show_submission, show_verdict

    submission = submit_job(request, settings, job, url, priority)
    if not wait:
        return CommandResult("submit", submission.as_data(), as_json=as_json, show=show_submission(submission))
    from beacon_cli.fleet.waiting import wait_for

    verdict = wait_for(submission, settings, job, url)
    problems = verdict.problems()
    return CommandResult(
        "submit",
        verdict.as_data(),
        exit_code=1 if problems else 0,
        as_json=as_json,
        problems=problems,
        show=show_verdict(verdict),
    )
