"""`beacon show`: a job's answers in the terminal, as they are or as they arrive."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.commands.common import DatabaseUrl, JobId, Json, Model, Question
from beacon_cli.console.program_name import command
from beacon_cli.console.result import CommandResult, write_stderr
from beacon_cli.errors import UsageError


def show(
    ctx: typer.Context,
    job_id: JobId,
    question: Question = None,
    model: Model = None,
    full: Annotated[
        bool, typer.Option("--full/--no-full", help="Show long answers in full, or only the beginning of them.")
    ] = True,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print each answer as it arrives, until the run ends.")
    ] = False,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> CommandResult:
    """Show a job's answers, question by question, with the regions side by side."""
    from beacon_cli.console.long_list import LongList
    from beacon_cli.console.terminal import console
    from beacon_cli.records.choose_job import chosen_job
    from beacon_cli.records.chosen_answers import JobAnswers, answer_data
    from beacon_cli.records.ending import ending_of
    from beacon_cli.show.arrivals import print_arrivals
    from beacon_cli.show.page import print_answers
    from beacon_cli.show.prompts import print_system_prompts
    from beacon_cli.store.connect import connect_readonly
    from beacon_cli.store.database import open_database

    if follow and as_json:
        raise UsageError(
            "--follow prints lines, but --json prints one document",
            hint=f"{command('run JOB_FILE --events FILE')} writes both",
        )
    with open_database(ctx.obj.settings, database_url) as url, connect_readonly(url) as connection:
        job = chosen_job(connection, job_id, regions=ctx.obj.settings.vocabulary.regions, as_json=as_json)
        answers = JobAnswers.of(connection, job, question, model)
        if follow:
            print_arrivals(answers.follow(), console(), full=full)
            if ending := ending_of(connection, job):
                write_stderr(f"{ending}\n")
            return CommandResult("show", {})
        ending = ending_of(connection, job)
        with answers.stream() as executions:
            if as_json:
                data = {
                    "job_id": answers.job.id,
                    "system_prompts": answers.system_prompts(),
                    "reason": ending.reason if ending else None,
                    "answers": LongList(map(answer_data, executions)),
                }
                return CommandResult("show", data, as_json=True)
            print_system_prompts(answers.system_prompts(), console())
            print_answers(executions, console(), regions=job.regions, asked=answers.regions(), full=full)
            if ending:
                console().print(str(ending), markup=False, soft_wrap=True)
    return CommandResult("show", {})
