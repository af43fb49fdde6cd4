"""Commands that are built late: what the list of commands shows without building them."""

from __future__ import annotations

from typing import Any

import typer

from beacon_cli.main import app


def test_an_outline_says_the_same_of_each_command_as_the_whole_command() -> None:
    program: Any = typer.main.get_command(app)
    assert len(program.commands) > 20
    for name, command in program.commands.items():
        outline = program.outline(None, name)
        assert (outline.name, outline.rich_help_panel, outline.hidden) == (name, command.rich_help_panel, False)
        assert outline.get_short_help_str(limit=200) == command.get_short_help_str(limit=200)
