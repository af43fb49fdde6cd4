"""Shows people the result of an export to a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from beacon_cli.console.formatting import quantity, size
from beacon_cli.console.printable import printable
from beacon_cli.export.export import Exported

if TYPE_CHECKING:
    from rich.console import Console


def show_export(exported: Exported) -> Callable[[Console], None] | None:
    """Return a function that prints a line on the export; None if the rows went to stdout."""
    if exported.path is None:
        return None
    written = "" if exported.bytes is None else f", {size(exported.bytes)}"
    line = f"wrote {quantity(exported.rows, 'row')}{written}, as {exported.format} to {printable(exported.path)}"
    return lambda console: console.print(line, soft_wrap=True)
