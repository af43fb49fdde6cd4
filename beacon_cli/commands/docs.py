"""`beacon docs`: the documentation that comes with the program."""

from __future__ import annotations

from typing import Annotated

import typer

from beacon_cli.command_line.values import page_names
from beacon_cli.commands.common import Json
from beacon_cli.console.result import CommandResult


def docs(
    page: Annotated[
        str | None,
        typer.Argument(metavar="PAGE", help="The page to read. Default: list them.", autocompletion=page_names),
    ] = None,
    as_json: Json = False,
) -> CommandResult:
    """List the pages of the documentation, or read one.

    The pages are installed with the program.
    """
    from beacon_cli.command_line.documents import page_named, pages
    from beacon_cli.command_line.pages import show_page, show_pages

    if page is None:
        data = {"pages": {name: str(path) for name, path in pages().items()}}
        return CommandResult("docs", data, as_json=as_json, show=show_pages(pages()))
    path = page_named(page)
    return CommandResult("docs", {"page": page, "path": str(path)}, as_json=as_json, show=show_page(path))
