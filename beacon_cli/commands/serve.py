"""`beacon serve`: the `local` target in the foreground."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.commands.common import region_option


def serve(
    ctx: typer.Context,
    region: Annotated[
        list[str] | None,
        region_option("Serve"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=1,
            max=65000,
            metavar="N",
            help="Port of the first region; the next one has N+1, and so on. Default: us 8701, eu 8702, apac 8703, and "
            "from 8704 the regions that beacon.toml adds.",
        ),
    ] = None,
) -> int:
    """Run one server per region on this machine, until Ctrl-C.

    They answer with two small real models, and with those in beacon.toml.
    """
    from beacon_cli.local.foreground import chosen_ports, serve_until_signal

    settings = ctx.obj.settings
    return serve_until_signal(settings, chosen_ports(region or (), port, settings.vocabulary.regions))
