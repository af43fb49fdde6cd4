"""Options that several commands share, so that they have the same names and help."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from beacon_cli.command_line.values import conditions, job_ids, measures, models, questions_of_the_job, regions
from beacon_cli.console.output_file import file_or_stdout

if TYPE_CHECKING:
    from beacon_cli.settings import Settings
    from beacon_cli.store.journal import Found

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, even on failure.")]


def _be_quiet(wanted: bool) -> bool:
    if wanted:
        from beacon_cli.console.diagnostics import be_quiet

        be_quiet()
    return wanted


Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", callback=_be_quiet, help="Print nothing but errors; the exit code says it all.")
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        metavar="URL",
        help="Use this PostgreSQL instead of the embedded one. BEACON_DATABASE_URL keeps a password out of the "
        "process list.",
    ),
]
JobId = Annotated[
    str,
    typer.Argument(
        metavar="JOB_ID",
        help="The id of the job. On a terminal, the beginning of an id is enough, and @last means the newest job.",
        autocompletion=job_ids,
    ),
]
NewJobId = Annotated[
    str | None,
    typer.Option(
        "--job-id",
        metavar="ID",
        help="Id of the job. A job already stored under this id is resumed. Default: the file's id, else a new one.",
        autocompletion=job_ids,
    ),
]
JobFile = Annotated[Path, typer.Argument(metavar="JOB_FILE", help="The job file, YAML or JSON; - reads it from stdin.")]
OldPrompt = Annotated[
    Path | None,
    typer.Option(
        "--old-prompt",
        metavar="FILE",
        help="For a job file of the old system: send the text of this file as the system prompt, as the old system did "
        "with its own. {place} becomes the region's place. - reads it from stdin.",
    ),
]
BatchingOption = Annotated[
    Literal["question", "region", "lane"] | None,
    typer.Option(
        "--batching",
        help="When the next question may start. question: every region finishes a question before the next one starts. "
        "region: each region continues independently. lane: each model in each region does. Default: question.",
    ),
]
MaxInFlight = Annotated[
    int | None,
    typer.Option(min=1, max=1000, metavar="N", help="Maximum number of calls in flight at the same time."),
]
AskedModels = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="ID",
        help="Ask only this model. The exit code then depends on the chosen part, and the job stays partial until "
        "the rest is asked. Repeatable.",
        autocompletion=models,
    ),
]
AskedRegions = Annotated[
    list[str] | None,
    typer.Option(
        "--region",
        metavar="REGION",
        help="Ask only in this region, as with --model. Repeatable.",
        autocompletion=regions,
    ),
]
AskedQuestions = Annotated[
    list[str] | None,
    typer.Option(
        "--question",
        metavar="ID",
        help="Ask only this question, as with --model. Repeatable.",
        autocompletion=questions_of_the_job,
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without",
        metavar="REGION",
        help="Leave this region out. The exit code then depends on the other ones, and the job stays partial. "
        "Repeatable.",
        autocompletion=regions,
    ),
]
NoCheck = Annotated[
    bool,
    typer.Option(
        "--no-check",
        help="Do not ask endpoints that are not Beacon's own a tiny question first, which finds parameters that they "
        "refuse.",
    ),
]
OutputFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        callback=file_or_stdout,
        help="Write to this file instead of stdout; it appears, or is replaced, when it is complete.",
    ),
]
ModalEnvironment = Annotated[
    str | None,
    typer.Option(
        "--environment", metavar="NAME", help="The Modal environment. Default: modal.environment of beacon.toml."
    ),
]
VerifyAfterwards = Annotated[
    bool, typer.Option("--verify/--no-verify", help="Verify the endpoints afterwards; this wakes no GPU.")
]
Question = Annotated[str | None, typer.Option("--question", metavar="ID", help="Only answers to this question.")]
Model = Annotated[
    str | None, typer.Option("--model", metavar="ID", help="Only answers of this model.", autocompletion=models)
]
Measure = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="How to measure the distance between two answers. Default: what the job plans, else lexical.",
        autocompletion=measures,
        show_default=False,
    ),
]
By = Annotated[
    Literal["region", "model", "tag"],
    typer.Option(
        help="Compare the regions, or the models inside each region; `tag` also compares how much regions differ "
        "between questions with different tags."
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        min=0.0001,
        max=0.5,
        metavar="SHARE",
        help="Maximum share of the verdicts `different` that may be wrong, over all looks at a growing job. Default:"
        " what the job plans, else 0.05.",
        show_default=False,
    ),
]
Margin = Annotated[
    float | None,
    typer.Option(
        min=0.0001,
        max=1,
        metavar="EFFECT",
        help="Smallest effect that matters, such as 0.05. Results that are shown to be below it are `equivalent`. "
        "Default: what the job plans, else none.",
        show_default=False,
    ),
]
Accept = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Accept that this condition differs between regions, such as system_prompt or gpu, or that this "
        "assumption does not hold, such as cache or time. Repeatable; added to what the job plans to accept.",
        autocompletion=conditions,
    ),
]
Refusals = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File of regular expressions, one per line: an answer that matches one is a refusal. - reads it from "
        "stdin.",
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File of `beacon label` with the labels of people: the rates of refusals are corrected by them. "
        "- reads it from stdin.",
    ),
]
Scorer = Annotated[
    str | None,
    typer.Option(
        metavar="COMMAND",
        help="Program that gives each answer a label or a number. It reads JSON lines with id, question and answer, "
        "and prints one line for each.",
        show_default=False,
    ),
]


def journals(settings: Settings) -> Found:
    """Return the journals of this machine; none for a user without a data folder."""
    from beacon_cli.records.journal_lines import own_journals

    return own_journals(settings)


def region_option(what: str) -> Any:
    """Return the option `--region`, whose help begins with `what`, such as "Deploy"."""
    return typer.Option(
        "--region", metavar="REGION", help=f"{what} only this region. Repeatable.", autocompletion=regions
    )
