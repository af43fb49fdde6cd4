"""The configuration: found where, set by what, and usable or not."""

from __future__ import annotations

from pathlib import Path

from beacon_cli.checkup.condition import Condition, failure
from beacon_cli.config import Sources, settings_and_sources
from beacon_cli.console.program_name import command
from beacon_cli.endpoints.recorded import recorded_endpoints
from beacon_cli.errors import ConfigError
from beacon_cli.settings import Settings


def configured(config: Path | None) -> tuple[Settings | None, Condition]:
    """Return the settings, None if they cannot be used, and what there is to say of them."""
    try:
        settings, sources = settings_and_sources(config)
    except ConfigError as error:
        return None, failure("configuration", error)
    return settings, _described(settings, sources)


def _described(settings: Settings, sources: Sources) -> Condition:
    variables = f"; variables: {', '.join(sources.variables)}" if sources.variables else ""
    what = f"{sources.found}{variables}"
    if sources.file is None and not (settings.regions or settings.modal.workspace or recorded_endpoints(settings)):
        return Condition(
            "configuration",
            "warning",
            f"{what}; no endpoint is configured, so jobs can only ask servers on this machine (run --local)",
            f"{command('init')} writes a beacon.toml to fill in",
        )
    return Condition("configuration", "ok", what)
