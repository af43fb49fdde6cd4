"""`beacon prune`: delete old jobs."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.commands.common import DatabaseUrl, Json, Quiet
from beacon_cli.console.result import CommandResult


def prune(
    ctx: typer.Context,
    older_than: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Jobs that last did something before then: 90d, 12h, 2026-01-31, or 2026-01-31T12:00 (UTC).",
            show_default=False,
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted, without deleting it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; a script needs this.")] = False,
    database_url: DatabaseUrl = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> CommandResult:
    """Delete old jobs with all of their answers, for good.

    What counts is when a job was last stored, run, answered or ended. Jobs of every status go, except those that are
    being run or wait in the fleet's queue. It shows what would go, and asks first.
    """
    from beacon_cli.deletion.candidates import old_jobs
    from beacon_cli.deletion.command import DeletionRequest, carry_out

    request = DeletionRequest("prune", database_url, dry_run=dry_run, yes=yes, quiet=quiet, as_json=as_json)
    return carry_out(request, ctx.obj.settings, lambda connection: old_jobs(connection, older_than))
