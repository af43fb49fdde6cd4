"""`beacon regions`: list the regions that are known."""

from __future__ import annotations

import typer

from beacon_cli.commands.common import Json
from beacon_cli.console.result import CommandResult


def regions(ctx: typer.Context, as_json: Json = False) -> CommandResult:
    """List the regions that jobs can name, and where each is asked.

    Nobody is asked: "deployed" is what this machine deployed, and when (UTC). verify asks the regions what they serve.
    """
    from beacon_cli.known.known_regions import known_regions
    from beacon_cli.known.known_tables import show_regions

    known = known_regions(ctx.obj.settings)
    data = {"regions": [region.as_data() for region in known]}
    return CommandResult("regions", data, as_json=as_json, show=show_regions(known))
