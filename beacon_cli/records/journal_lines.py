"""Shows the journals of this machine to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beacon_cli.console.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from beacon_cli.store.journal import Found


def print_journals(out: Console, found: Found) -> None:
    """Print a line for each journal, and one for other files in the folder."""
    kept = [f"{kept}; the next run or worker that uses this data folder will store them" for kept in found.journals]
    for line in (*kept, *found.remarks):
        out.print(f"journal: {printable(line)}", markup=False, soft_wrap=True, highlight=False)
