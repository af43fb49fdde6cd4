"""`beacon dashboard`: look at jobs, and watch running ones, in the browser."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from beacon_cli.commands.common import DatabaseUrl


def dashboard(
    ctx: typer.Context,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="N", help="Port to serve at. 0 takes any free one.")
    ] = 0,
    open_it: Annotated[bool, typer.Option("--open/--no-open", help="Open the address in the browser.")] = False,
    database_url: DatabaseUrl = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the address as one line of JSON, and an error as one document.")
    ] = False,
) -> int:
    """Look at jobs in the browser, and watch running ones, until Ctrl-C.

    The pages are for this machine only, and for those who have the printed address. Nothing is ever written.
    """
    if sys.__stdout__ is None:  # closed by the shell: nobody would see the address, and `main` has the exit code
        return 0
    from contextlib import closing

    from beacon_cli.dashboard.serve import serve_until_signal
    from beacon_cli.dashboard.site import Site
    from beacon_cli.store.database import open_database, reviver

    settings = ctx.obj.settings
    with (
        open_database(settings, database_url) as url,
        closing(Site(settings, url, revive=reviver(settings, database_url))) as site,
    ):
        return serve_until_signal(site, port, open_it=open_it, as_json=as_json)
