"""`beacon compare`: do answers differ between regions more than they differ inside a region?"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from beacon_cli.command_line.values import job_ids
from beacon_cli.commands.common import (
    Accept,
    By,
    DatabaseUrl,
    JobId,
    Json,
    Labels,
    Margin,
    Measure,
    Quiet,
    Rate,
    Refusals,
    Scorer,
)
from beacon_cli.console.result import CommandResult, ending_with


def compare(
    ctx: typer.Context,
    job_id: JobId,
    other_job_id: Annotated[
        str | None,
        typer.Argument(
            metavar="OTHER_JOB_ID",
            help="Compare the job with this one, region by region, instead of comparing its own regions.",
            show_default=False,
            autocompletion=job_ids,
        ),
    ] = None,
    by: By = "region",
    measure: Measure = None,
    rate: Rate = None,
    margin: Margin = None,
    accept: Accept = None,
    refusals: Refusals = None,
    labels: Labels = None,
    scorer: Scorer = None,
    fail_on: Annotated[
        Literal["different"] | None, typer.Option(help="Also exit with 1 if a verdict is `different` or `no_text`.")
    ] = None,
    database_url: DatabaseUrl = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> CommandResult:
    """Test whether answers differ between regions, or models, and name those that do.

    Exit code 1 if the job is incomplete, if something other than the region differs too, or if an assumption of the
    test does not hold.
    """
    from beacon_cli.comparison.compare import compare_jobs
    from beacon_cli.comparison.options import chosen_options
    from beacon_cli.comparison.table import show_comparison
    from beacon_cli.console.status_line import status_line
    from beacon_cli.records.choose_job import chosen_job
    from beacon_cli.store.connect import connect_readonly
    from beacon_cli.store.database import open_database

    options = chosen_options(measure, rate, margin, accept or (), refusals, labels=labels, scorer=scorer, by=by)
    vocabulary = ctx.obj.settings.vocabulary
    with open_database(ctx.obj.settings, database_url) as url, connect_readonly(url) as connection:
        jobs = [
            chosen_job(connection, given, regions=vocabulary.regions, as_json=as_json, announced=False)
            for given in (job_id, other_job_id)
            if given
        ]
        with status_line("comparing the answers"):
            comparison = compare_jobs(connection, jobs, options, models=vocabulary.models)
    problems = comparison.problems(fail_on_different=fail_on is not None)
    return CommandResult(
        "compare",
        comparison.as_data(),
        exit_code=1 if problems else 0,
        as_json=as_json,
        problems=problems,
        show=ending_with(problems, show_comparison(comparison)),
        quiet=quiet,
    )
