"""`beacon delete`: delete jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.command_line.values import job_ids
from beacon_cli.commands.common import DatabaseUrl, Json, Quiet
from beacon_cli.console.result import CommandResult


def delete(
    ctx: typer.Context,
    job_id: Annotated[
        list[str], typer.Argument(metavar="JOB_ID", help="The full ids of the jobs.", autocompletion=job_ids)
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted, without deleting it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; a script needs this.")] = False,
    database_url: DatabaseUrl = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> CommandResult:
    """Delete jobs with all of their answers, for good.

    It shows what would go, and asks first. If one of the jobs is unknown, is being run or waits in the fleet's queue,
    none is deleted. Journals of this machine with answers of the jobs go, too.
    """
    from beacon_cli.deletion.candidates import named_jobs
    from beacon_cli.deletion.command import DeletionRequest, carry_out

    request = DeletionRequest("delete", database_url, dry_run=dry_run, yes=yes, quiet=quiet, as_json=as_json)
    regions = ctx.obj.settings.vocabulary.regions
    return carry_out(request, ctx.obj.settings, lambda connection: named_jobs(connection, job_id, regions=regions))
