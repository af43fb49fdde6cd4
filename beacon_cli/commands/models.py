"""`beacon models`: list the models that are known."""

from __future__ import annotations

import typer

from beacon_cli.commands.common import Json
from beacon_cli.console.result import CommandResult


def models(ctx: typer.Context, as_json: Json = False) -> CommandResult:
    """List the models that jobs can name, and where each is deployed.

    Nobody is asked: "deployed in" is what this machine deployed. verify asks the regions what they serve.
    """
    from beacon_cli.known.known_models import known_models
    from beacon_cli.known.known_tables import show_models

    settings = ctx.obj.settings
    known = known_models(settings)
    labels = {region.id: region.label for region in settings.vocabulary.regions.values()}
    data = {"models": [model.as_data() for model in known]}
    return CommandResult("models", data, as_json=as_json, show=show_models(known, labels))
