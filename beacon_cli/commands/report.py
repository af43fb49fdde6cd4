"""`beacon report`: one HTML file with a job's verdicts, its answers side by side, and details of its runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beacon_cli.commands.common import (
    Accept,
    By,
    DatabaseUrl,
    JobId,
    Json,
    Labels,
    Margin,
    Measure,
    Rate,
    Refusals,
    Scorer,
)
from beacon_cli.console.result import CommandResult


def report(
    ctx: typer.Context,
    job_id: JobId,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Write to this file, which is replaced; - writes to stdout. Default: beacon-report-JOB_ID.html.",
        ),
    ] = None,
    open_it: Annotated[bool, typer.Option("--open", help="Open the report in the browser.")] = False,
    by: By = "region",
    measure: Measure = None,
    rate: Rate = None,
    margin: Margin = None,
    accept: Accept = None,
    refusals: Refusals = None,
    labels: Labels = None,
    scorer: Scorer = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> CommandResult:
    """Write a job's answers and verdicts as one HTML file. Exit code 0 whatever the verdicts are."""
    from functools import partial

    from beacon_cli.comparison.options import chosen_options
    from beacon_cli.console.browser import open_in_browser
    from beacon_cli.console.output_file import STDOUT, file_or_stdout
    from beacon_cli.console.status_line import status_line
    from beacon_cli.records.choose_job import chosen_job
    from beacon_cli.report.files import default_name, require_free_stdout
    from beacon_cli.report.report import write_report
    from beacon_cli.report.written import show_report
    from beacon_cli.store.connect import connect_readonly
    from beacon_cli.store.database import open_database

    if output == STDOUT:
        require_free_stdout(as_json=as_json, open_it=open_it)
    options = chosen_options(measure, rate, margin, accept or (), refusals, labels=labels, scorer=scorer, by=by)
    vocabulary = ctx.obj.settings.vocabulary
    with open_database(ctx.obj.settings, database_url) as url, connect_readonly(url) as connection:
        job = chosen_job(connection, job_id, regions=vocabulary.regions, as_json=as_json)
        path = file_or_stdout(output or Path(default_name(job.id)))
        with status_line("comparing the answers, and writing the report"):
            written = write_report(connection, job, options, path, models=vocabulary.models)
    opening = partial(open_in_browser, written.path) if open_it and written.path is not None else None
    return CommandResult("report", written.as_data(), 0, as_json, show=show_report(written), afterwards=opening)
