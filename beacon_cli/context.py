"""What every command gets: the global options, and settings on demand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beacon_cli.settings import Settings


@dataclass
class AppContext:
    """The global options, and what follows from them. Nothing is read or opened before it is needed."""

    config_path: Path | None = None
    verbose: bool = False

    @cached_property
    def settings(self) -> Settings:
        """The settings; raises `ConfigError` if they are not usable."""
        from beacon_cli.config import load_settings

        return load_settings(self.config_path)
