"""`beacon schema`: the JSON Schemas of the files that Beacon reads."""

from __future__ import annotations

import json
import sys

import typer

app = typer.Typer(help="Print the JSON Schema of a file that Beacon reads.", no_args_is_help=True)


@app.callback()
def schema() -> None:
    """Print the JSON Schema of a file that Beacon reads."""


@app.command()
def job() -> None:
    """Print the JSON Schema of job files: editors check and complete with it."""
    from beacon_cli.job.schema import job_schema

    sys.stdout.write(json.dumps(job_schema(), indent=2, ensure_ascii=True) + "\n")
    sys.stdout.flush()
