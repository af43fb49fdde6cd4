"""The error for a region that nobody told this program of."""

from __future__ import annotations

import re

from beacon_cli.console.program_name import command
from beacon_cli.console.suggestions import suggestion
from beacon_cli.errors import UsageError
from modal_deployment.regions import UnknownRegionError


def unknown_region(error: UnknownRegionError, option: str = "") -> UsageError:
    """Return it as ours, with how to add one. `option` is where the name was given."""
    names = (name for region in error.known for name in (region.id, region.label, *sorted(region.aliases)))
    return UsageError(
        f"{option}: {error}" if option else str(error),
        hint=f"{suggestion(error.name, names)}a region of your own needs a table in beacon.toml, such as"
        f" [regions.{_table(error.name)}]: {command('docs own-endpoints')}",
    )


def _table(name: str) -> str:
    """Return a name for its table: the given one, if it can be one."""
    lower = name.lower()
    return lower if re.fullmatch(r"[a-z0-9-]{1,40}", lower) else "NAME"
