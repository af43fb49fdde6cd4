"""A line whose continuation is indented, so that a narrow terminal shows what belongs together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beacon_cli.console.folding import wrapped
from beacon_cli.console.terminal import encodable, line_limit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


def print_hanging(line: Text, text: str, console: Console, *, indent: int) -> None:
    """Print the beginning of a line and a text, which is broken at blanks; its further lines are indented."""
    limit = line_limit(console)
    shown = encodable(text, console)
    lines = [shown] if limit is None else wrapped(shown, limit - indent, taken=max(0, line.cell_len - indent))
    if not lines[0]:  # the first word is longer than what is left of the line
        line.rstrip()
    line.append(("\n" + " " * indent).join(lines), style="none")
    console.print(line, soft_wrap=True)
