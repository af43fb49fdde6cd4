"""Commands that are imported and built only when they are named: building all takes longer than most of them run."""

from __future__ import annotations

import inspect
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
            self._built[name] = _command(self._found(name), name=name, panel=self._places[name][0])
        return self._built[name]

    def outline(self, name: str) -> Any:
        """Return a command with its help and panel, but without its options: of these Typer builds a lot."""
        found = self._found(name)
        explanation = found.info.help if isinstance(found, typer.Typer) else found.__doc__
        command: Any = BeaconCommand(name=name, callback=None, help=inspect.cleandoc(explanation or ""))
        command.rich_help_panel = self._places[name][0]
        return command

    def _found(self, name: str) -> Any:
        module, _, attribute = self._places[name][1].partition(":")
        return getattr(import_module(f"{self._package}.{module}"), attribute)

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
