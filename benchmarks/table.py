"""The table, for a terminal and for a README."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.row import Row

_TITLES = ("what", "measured", "reference", "ratio", "target", "met", "note")


def terminal_table(rows: Sequence[Row]) -> Table:
    """Return the table for a terminal."""
    table = Table(*_TITLES, box=None, header_style="bold")
    for row in rows:
        table.add_row(*cells(row))
    return table


def markdown_table(rows: Sequence[Row]) -> str:
    """Return the table for a README."""
    lines = [_TITLES, ("---",) * len(_TITLES), *map(cells, rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def cells(row: Row) -> tuple[str, ...]:
    """Return a row's cells as text."""
    reference = f"{number(row.reference)} {row.unit}, {row.reference_name}" if row.reference is not None else ""
    measured = f"{number(row.value)} {row.unit}" if row.value is not None else "-"
    # How many times a percentage or a few rows are more says nothing.
    ratio = f"{row.ratio:.2f} ×" if row.ratio is not None and row.unit not in ("%", "rows") else ""
    return row.what, measured, reference, ratio, _target(row), _met(row), row.note


def number(value: float | None) -> str:
    """Return a number with three digits that count, and no more."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == 0 else f"{value:.3g}"


def print_table(rows: Sequence[Row]) -> None:
    """Print the table to stdout, wide enough where nobody sees a terminal."""
    console = Console()
    (console if console.is_terminal else Console(width=240)).print(terminal_table(rows))


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    return f"≤ {row.target.limit:g} {'×' if row.target.of == 'ratio' else row.unit}"


def _met(row: Row) -> str:
    return {True: "yes", False: "NO", None: ""}[row.met]
