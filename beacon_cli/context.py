"""What every command is given: settings on demand, and the way to end with a result."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from beacon_cli.config import Settings
    from beacon_cli.output.result import CommandResult


@dataclass
class AppContext:
    """The global options, and what follows from them. Nothing is read or opened before it is asked for."""

    config_path: Path | None = None
    verbose: bool = False

    @cached_property
    def settings(self) -> Settings:
        """The settings; raises `ConfigError` when they are not usable."""
        from beacon_cli.config import load_settings

        return load_settings(self.config_path)


def finish(result: CommandResult, *, as_json: bool) -> NoReturn:
    """Print a command's result and end with its exit code."""
    from beacon_cli.output.result import print_result

    print_result(result, as_json=as_json)
    raise typer.Exit(result.exit_code)
