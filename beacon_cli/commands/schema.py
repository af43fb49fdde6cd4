"""`beacon schema`: the JSON Schemas of the files that Beacon reads."""

from __future__ import annotations

import json
import sys

import typer

from beacon_cli.command_line.groups import BeaconCommand, command_group

app = command_group("Print the JSON Schema of a file that Beacon reads.")


@app.callback()
def schema() -> None:
    """Print the JSON Schema of a file that Beacon reads."""


@app.command("job", cls=BeaconCommand)
def job(ctx: typer.Context) -> None:
    """Print the JSON Schema of job files, with which editors check and complete them."""
    from beacon_cli.job.schema import job_schema
    from beacon_cli.runs.request import known_models

    settings = ctx.obj.settings
    schema = job_schema(regions=settings.vocabulary.regions, known_models=known_models(settings))
    sys.stdout.write(json.dumps(schema, indent=2, ensure_ascii=True) + "\n")
    sys.stdout.flush()
