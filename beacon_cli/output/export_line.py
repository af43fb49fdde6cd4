"""How an export that went to a file is told to people."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from beacon_cli.export.export import Exported
from beacon_cli.printable import printable
from beacon_cli.wording import quantity

if TYPE_CHECKING:
    from rich.console import Console


_UNITS = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def show_export(exported: Exported) -> Callable[[Console], None] | None:
    """Return what prints a line on what was written; None where the rows themselves went to stdout."""
    if exported.path is None:
        return None
    size = "" if exported.bytes is None else f", {_size(exported.bytes)}"
    line = f"wrote {quantity(exported.rows, 'row')}{size}, as {exported.format} to {printable(exported.path)}"
    return lambda console: console.print(line, soft_wrap=True)


def _size(count: int) -> str:
    """Return a size for people: `512 bytes`, `3.4 kB`, `1.2 GB`."""
    if count < 1000:
        return quantity(count, "byte")
    unit, factor = next(((unit, factor) for unit, factor in _UNITS if count >= factor))
    return f"{count / factor:.1f} {unit}"
