"""`beacon check-db`: did a job store everything that it should have stored, and is it correct?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from beacon_cli.commands.common import DatabaseUrl, JobId, Json, Quiet
from beacon_cli.console.result import CommandResult


def check_db(
    ctx: typer.Context,
    job_id: JobId,
    expect: Annotated[
        Path | None,
        typer.Option(
            metavar="JOB_FILE", help="Compare with this job file instead of the stored job; - reads it from stdin."
        ),
    ] = None,
    batching: Annotated[
        Literal["question", "region", "lane"] | None,
        typer.Option(help="How the job was batched, for a job of the old system, which does not say it."),
    ] = None,
    database_url: DatabaseUrl = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> CommandResult:
    """Audit what a job stored in the database. Exit code 1 if a check fails."""
    from beacon_cli.audit.audit import audited
    from beacon_cli.audit.table import show_audit
    from beacon_cli.console.status_line import status_line
    from beacon_cli.job.load import load_job
    from beacon_cli.records.choose_job import chosen_job
    from beacon_cli.records.expectation import EVERY_MODEL
    from beacon_cli.store.connect import connect_readonly
    from beacon_cli.store.database import open_database

    regions = ctx.obj.settings.vocabulary.regions
    expected = load_job(expect, regions=regions, known_models=EVERY_MODEL) if expect else None
    with open_database(ctx.obj.settings, database_url) as url, connect_readonly(url) as connection:
        job = chosen_job(connection, job_id, regions=regions, as_json=as_json, announced=False)
        with status_line("auditing the answers"):
            report = audited(connection, job, expected, batching=batching)
    return CommandResult(
        "check-db",
        report.as_data(),
        exit_code=0 if report.ok else 1,
        as_json=as_json,
        problems=report.problems,
        show=show_audit(report),
        quiet=quiet,
    )
