"""`beacon bundle`: one file with all that a job's result rests on, for others to check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beacon_cli.commands.common import Accept, By, DatabaseUrl, JobId, Json, Margin, Measure, Rate
from beacon_cli.console.result import CommandResult


def bundle(
    ctx: typer.Context,
    job_id: JobId,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write to this file, which is replaced; - writes to stdout. Default: beacon-bundle-JOB_ID.zip.",
        ),
    ] = None,
    sign: Annotated[
        Path | None,
        typer.Option(
            metavar="KEY",
            help="Sign with this private key of SSH, or, for a key in an SSH agent, with its .pub file. ssh-keygen "
            "does it, and asks for the passphrase.",
        ),
    ] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Also write the bundle if answers are missing; it says so.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Include the report, as `beacon report` writes it.")
    ] = True,
    by: By = "region",
    measure: Measure = None,
    rate: Rate = None,
    margin: Margin = None,
    accept: Accept = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> CommandResult:
    """Write a job with its verdicts and report into one zip that others can check.

    Its answers, audit and costs are in it too. It is checked by standard tools, as the README.txt in it says, or by
    `beacon verify bundle`. Exit code 0 whatever the verdicts are, and 1 if answers are missing.
    """
    from beacon_cli.bundle.signature import require_key
    from beacon_cli.bundle.write import Contents, write_bundle
    from beacon_cli.bundle.written import require_free_stdout, show_bundle
    from beacon_cli.comparison.options import chosen_options
    from beacon_cli.console.output_file import STDOUT, file_or_stdout
    from beacon_cli.records.choose_job import chosen_job
    from beacon_cli.report.files import default_name
    from beacon_cli.store.connect import connect_readonly
    from beacon_cli.store.database import open_database

    if output == STDOUT:
        require_free_stdout(as_json=as_json)
    if sign is not None:
        require_key(sign)
    settings = ctx.obj.settings
    options = chosen_options(measure, rate, margin, accept or (), None, by=by)
    with open_database(settings, database_url) as url, connect_readonly(url) as connection:
        job = chosen_job(connection, job_id, regions=settings.vocabulary.regions, as_json=as_json)
        path = file_or_stdout(output or Path(default_name(job.id, what="bundle", ending="zip")))
        contents = Contents(partial=partial, report=report, key=sign)
        written = write_bundle(connection, job, options, path, settings, contents)
    return CommandResult("bundle", written.as_data(), as_json=as_json, show=show_bundle(written))
