"""Options that several commands share, so that they are spelled and explained alike."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, also on failure.")]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        metavar="URL",
        help="A PostgreSQL instead of the embedded one. BEACON_DATABASE_URL keeps a password out of the process list.",
    ),
]
Question = Annotated[str | None, typer.Option("--question", metavar="ID", help="Only the answers to this question.")]
Model = Annotated[str | None, typer.Option("--model", metavar="ID", help="Only the answers of this model.")]
Measure = Annotated[str, typer.Option(metavar="NAME", help="How far two answers are apart: lexical.")]
Rate = Annotated[float, typer.Option(min=0.0001, max=0.5, help="The share of `different` verdicts that may be wrong.")]
Accept = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="This may differ between regions (system_prompt, gpu …); repeatable."),
]
Refusals = Annotated[
    Path | None, typer.Option(metavar="FILE", help="What a refusal says: a regular expression per line.")
]
