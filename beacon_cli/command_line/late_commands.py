"""Commands that are imported and built only when they are named: building all takes longer than most of them run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer

from beacon_cli.command_line.groups import BeaconCommand, new_app


class LateCommands(Mapping[str, Any]):
    """A group's commands by name, in the order of their panels.

    `panels` gives, for each panel of the help, the location of each command: `module:function`, or `module:app` for a
    group, in `package`.
    """

    def __init__(self, *, package: str, panels: Mapping[str, Mapping[str, str]]) -> None:
        self._package = package
        self._places = {name: (panel, place) for panel, places in panels.items() for name, place in places.items()}
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            panel, place = self._places[name]
            module, _, attribute = place.partition(":")
            found = getattr(import_module(f"{self._package}.{module}"), attribute)
            self._built[name] = _command(found, name=name, panel=panel)
        return self._built[name]

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _command(found: Any, *, name: str, panel: str) -> Any:
    """Return a function, or a group's `Typer`, as the command that the parser calls."""
    if isinstance(found, typer.Typer):
        app = found
    else:
        app = new_app()
        app.command(name, cls=BeaconCommand)(found)
    command: Any = typer.main.get_command(app)
    command.name = name
    command.rich_help_panel = panel
    return command
