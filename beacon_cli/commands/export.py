"""`beacon export`: a job's executions as a table for other programs."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.commands.common import DatabaseUrl, JobId, Json, Model, OutputFile, Question
from beacon_cli.console.result import CommandResult
from beacon_cli.export.formats import Format, chosen_format, require_format


def export(
    ctx: typer.Context,
    job_id: JobId,
    format_: Annotated[
        Format | None,
        typer.Option("--format", help="Format of the output. Default: according to the file's extension, else jsonl."),
    ] = None,
    output: OutputFile = None,
    excel: Annotated[bool, typer.Option("--excel", help="Write CSV that Excel opens with a double click.")] = False,
    question: Question = None,
    model: Model = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> CommandResult:
    """Export a job's answers as JSON lines, CSV or Parquet.

    Each execution is one row.
    """
    from beacon_cli.export.export import export_job
    from beacon_cli.export.written import show_export
    from beacon_cli.records.choose_job import chosen_job
    from beacon_cli.store.connect import connect_readonly
    from beacon_cli.store.database import open_database

    chosen = chosen_format(format_, output, excel=excel, as_json=as_json)
    require_format(chosen)
    with open_database(ctx.obj.settings, database_url) as url, connect_readonly(url) as connection:
        job = chosen_job(connection, job_id, regions=ctx.obj.settings.vocabulary.regions, as_json=as_json)
        exported = export_job(connection, job, chosen, output, excel=excel, question_id=question, model_id=model)
    return CommandResult("export", exported.as_data(), as_json=as_json, show=show_export(exported))
