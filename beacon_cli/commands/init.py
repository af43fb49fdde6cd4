"""`beacon init`: write a beacon.toml and a job.yaml to begin with."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from beacon_cli.commands.common import Json
from beacon_cli.console.result import CommandResult


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder; it is created if it is missing.", show_default=False)
    ] = Path(),
    as_json: Json = False,
) -> CommandResult:
    """Write a commented beacon.toml and job.yaml, which run as they are.

    Nothing is asked, and no file is overwritten: if one of the two is there already, nothing is written, and the exit
    code is 2.
    """
    from beacon_cli.console.program_name import command
    from beacon_cli.starter.starter import JOB_NAME, start_in

    started = start_in(folder)
    names = " and ".join(str(path) for path in started.files)
    steps = [command("doctor"), command(f"run {JOB_NAME} --local")]
    if folder != Path():
        steps.insert(0, f"cd {shlex.quote(str(folder))}")
    lines = "\n        ".join(steps)
    return CommandResult(
        "init",
        {**started.as_data(), "next": steps},
        as_json=as_json,
        show=lambda out: out.print(f"wrote {names}\nnext:   {lines}", soft_wrap=True),
    )
