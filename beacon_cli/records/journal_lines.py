"""Shows the journals of this machine to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beacon_cli.console.printable import printable
from beacon_cli.errors import EnvironmentFault
from beacon_cli.store.journal import Found, look

if TYPE_CHECKING:
    from rich.console import Console

    from beacon_cli.settings import Settings


def own_journals(settings: Settings) -> Found:
    """Return the journals of this machine; none for a user without a data folder."""
    try:
        return look(settings.journal_path())
    except EnvironmentFault:
        return Found()


def journal_lines(found: Found) -> tuple[str, ...]:
    """Return a line for each journal, and one for other files in the folder."""
    kept = (f"{kept}; the next run or worker that uses this data folder will store them" for kept in found.journals)
    return (*kept, *found.remarks)


def print_journals(out: Console, found: Found) -> None:
    """Print what `journal_lines` returns."""
    for line in journal_lines(found):
        out.print(f"journal: {printable(line)}", markup=False, soft_wrap=True, highlight=False)
