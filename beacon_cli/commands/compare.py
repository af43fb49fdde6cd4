"""`beacon compare`: do answers differ between regions more than they differ inside a region?"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from beacon_cli.commands.common import Accept, DatabaseUrl, Json, Measure, Rate, Refusals
from beacon_cli.output.result import CommandResult


class FailOn(StrEnum):
    """What else makes the exit code 1."""

    different = "different"


def compare(
    ctx: typer.Context,
    job_id: Annotated[str, typer.Argument(help="The job whose regions to compare.")],
    other_job_id: Annotated[
        str | None, typer.Argument(help="Compare the two jobs instead, region by region.", show_default=False)
    ] = None,
    measure: Measure = "lexical",
    rate: Rate = 0.05,
    accept: Accept = None,
    refusals: Refusals = None,
    fail_on: Annotated[FailOn | None, typer.Option(help="Exit with 1 also when something is different.")] = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> CommandResult:
    """Compare a job's answers between regions. Exit code 1 if it is incomplete, or if something else differs too."""
    from beacon_cli.comparison.compare import compare_jobs
    from beacon_cli.comparison.options import chosen_options
    from beacon_cli.output.comparison_table import show_comparison
    from beacon_cli.store.connect import connect_readonly
    from beacon_cli.store.database import open_database

    options = chosen_options(measure, rate, accept or (), refusals)
    job_ids = (job_id,) if other_job_id is None else (job_id, other_job_id)
    with open_database(ctx.obj.settings, database_url) as url, connect_readonly(url) as connection:
        comparison = compare_jobs(connection, job_ids, options)
    problems = comparison.problems(fail_on_different=fail_on is not None)
    return CommandResult(
        *("compare", comparison.as_data(), 1 if problems else 0, as_json),
        problems=problems,
        show=show_comparison(comparison),
    )
