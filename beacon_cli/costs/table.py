"""The table of `beacon costs`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text

from beacon_cli.console.tables import Column, print_table
from beacon_cli.costs.texts import NOTHING_ASKED, print_lines, report_lines, sum_cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from beacon_cli.costs.report import By, CostReport


def show_costs(report: CostReport, by: By) -> Callable[[Console], None]:
    """Return a function that prints the report, with a row for each `by`."""
    return partial(_show, report, by)


def _show(report: CostReport, by: By, console: Console) -> None:
    if not report.total.executions:
        console.print(Text(NOTHING_ASKED))
        return
    columns = [
        Column(by),
        Column("executions", right=True),
        Column("seconds", right=True, optional=True),
        Column("input", right=True, optional=True),
        Column("output", right=True, optional=True),
        Column("cost", right=True),
    ]
    rows = [sum_cells(name, each) for name, each in report.groups[by].items()]
    print_table(console, columns, rows, footer=sum_cells("all", report.total) if len(rows) > 1 else ())
    print_lines(report_lines(report), console)
