"""`beacon label`: a blinded sample of a job's answers, for people to label."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from beacon_cli.commands.common import DatabaseUrl, JobId, Json, Refusals
from beacon_cli.console.output_file import file_beside_stdout
from beacon_cli.console.result import CommandResult


def label(
    ctx: typer.Context,
    job_id: JobId,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            callback=file_beside_stdout,
            help="The CSV file to write. It must not exist.",
        ),
    ],
    sample: Annotated[int, typer.Option(min=1, max=100_000, help="Maximum number of answers to draw.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the random order and choice.")] = 0,
    refusals: Refusals = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> CommandResult:
    """Write a blinded sample of answers for people to label.

    They call each one a refusal, an answer, or unclear. The file does not say which region or model it is from.
    `beacon compare JOB_ID --labels FILE` then corrects the rates of refusals. Exit code 1 if there is no answer to
    label, 2 if the file exists.
    """
    from beacon_cli.comparison.label_sample import draw_sample
    from beacon_cli.comparison.label_written import show_sample
    from beacon_cli.comparison.options import refusal_rule
    from beacon_cli.records.choose_job import chosen_job
    from beacon_cli.store.connect import connect_readonly
    from beacon_cli.store.database import open_database

    rule = refusal_rule(refusals)
    with open_database(ctx.obj.settings, database_url) as url, connect_readonly(url) as connection:
        job = chosen_job(connection, job_id, regions=ctx.obj.settings.vocabulary.regions, as_json=as_json)
        drawn = draw_sample(connection, job, output, rule=rule, size=sample, seed=seed)
    return CommandResult("label", drawn.as_data(), as_json=as_json, show=show_sample(drawn))
