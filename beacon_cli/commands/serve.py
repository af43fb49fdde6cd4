"""`beacon serve`: the `local` target in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer


def serve(
    ctx: typer.Context,
    region: Annotated[
        list[str] | None,
        typer.Option("--region", metavar="R", help="Serve only this region; may be given more than once."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=1,
            max=65000,
            metavar="N",
            help="The first region's port, the next has N+1 and so on. Default: us 8701, eu 8702, apac 8703.",
        ),
    ] = None,
) -> int:
    """Serve a small real model on this machine, one server per region, until Ctrl-C."""
    from beacon_cli.local.foreground import chosen_ports, serve_until_signal

    return serve_until_signal(ctx.obj.settings, chosen_ports(region or (), port))
