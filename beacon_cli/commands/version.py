"""`beacon version`: print the version, and what it runs on."""

from __future__ import annotations

import platform

from beacon_cli import __version__
from beacon_cli.commands.common import Json
from beacon_cli.console.diagnostics import operating_system
from beacon_cli.console.result import CommandResult


def version(as_json: Json = False) -> CommandResult:
    """Print the version.

    With --json, also print the Python version, the system, and where the program is installed.
    """
    from beacon_cli.command_line.documents import package_folder

    data = {
        "version": __version__,
        "python": platform.python_version(),
        "system": operating_system(),
        "installed_in": str(package_folder()),
    }
    return CommandResult("version", data, as_json=as_json, show=lambda out: out.print(f"beacon {__version__}"))
