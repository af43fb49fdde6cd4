"""`beacon worker`: run jobs from the fleet's queue."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.commands.common import DatabaseUrl, Json


def worker(
    ctx: typer.Context,
    jobs: Annotated[
        int, typer.Option(min=1, max=100, metavar="N", help="Maximum number of jobs to run at the same time.")
    ] = 4,
    drain: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Seconds that calls in flight may still take after the first signal."
        ),
    ] = 30.0,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Run jobs from the fleet's queue, until a signal stops the worker.

    The first signal lets calls in flight finish; a second one ends the worker at once. Exit code 75 means that the
    worker lost its lease, or its database for a minute: start it again.
    """
    from beacon_cli.fleet.tcp import fleet_database

    url = fleet_database(ctx.obj.settings, database_url, clock_must_agree=True)
    from beacon_cli.fleet.worker_process import run_worker

    del as_json  # a worker ends by a signal or an error, and `main` prints those as one document

    run_worker(ctx.obj.settings, url, jobs, drain)
