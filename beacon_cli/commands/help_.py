"""`beacon help`: the help of any command."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.command_line.values import command_names
from beacon_cli.console.result import CommandResult


def help_(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMMAND", help="A command such as `db migrate`, or a page of `docs`.", autocompletion=command_names
        ),
    ] = None,
) -> CommandResult | None:
    """Explain a command, or the whole program."""
    from beacon_cli.command_line.documents import pages
    from beacon_cli.command_line.help_text import help_of
    from beacon_cli.command_line.pages import show_page
    from beacon_cli.errors import UsageError

    root = ctx.find_root()
    try:
        typer.echo(help_of(root, words or ()))
    except UsageError:
        if words is None or len(words) > 1 or words[0] not in pages():
            raise
        return CommandResult("help", {}, show=show_page(pages()[words[0]]))
    return None
