"""The table of `beacon costs`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text

from beacon_cli.console.formatting import dollars, duration, quantity
from beacon_cli.console.printable import excerpt
from beacon_cli.console.tables import Column, print_table
from beacon_cli.costs.texts import missing_lines, print_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from beacon_cli.costs.report import By, CostReport
    from beacon_cli.costs.sums import CostSum


def show_costs(report: CostReport, by: By) -> Callable[[Console], None]:
    """Return a function that prints the report, with a row for each `by`."""
    return partial(_show, report, by)


def _show(report: CostReport, by: By, console: Console) -> None:
    if not report.total.executions:
        console.print(Text("nothing was asked, so nothing was paid"))
        return
    columns = [
        Column(by),
        Column("executions", right=True),
        Column("seconds", right=True, optional=True),
        Column("input", right=True, optional=True),
        Column("output", right=True, optional=True),
        Column("cost", right=True),
    ]
    rows = [_row(name, each) for name, each in report.groups[by].items()]
    print_table(console, columns, rows, footer=_row("all", report.total) if len(rows) > 1 else ())
    print_lines(_lines(report), console)


def _row(name: str, total: CostSum) -> list[str]:
    cost = "not known" if total.unpriced.total() == total.executions else dollars(total.dollars)
    return [
        excerpt(name, 255),
        str(total.executions),
        duration(total.seconds) if total.seconds else "-",
        f"{total.input_tokens:,}" if total.input_tokens else "-",
        f"{total.output_tokens:,}" if total.output_tokens else "-",
        cost,
    ]


def _lines(report: CostReport) -> Iterator[str]:
    total = report.total
    if total.free:
        yield "servers on this machine cost nothing"
        return
    if total.sources:
        yield f"prices: {'; '.join(total.sources)}"
    yield from missing_lines([total])
    if total.on_modal:
        idle = "cold starts and idle time on Modal are not in it"
        about = "" if report.containers is None else f"; with them about {dollars(report.containers)}"
        yield f"{idle}{about}"
    if report.billed is not None:
        yield from _billed(report)
    elif report.not_billed is not None:
        yield f"Modal's billing report is not there: {excerpt(report.not_billed.message, 300)}"
    elif total.on_modal and not report.unasked:
        yield "with Modal's credentials, its billing report would stand here"


def _billed(report: CostReport) -> Iterator[str]:
    assert report.billed is not None
    billed = report.billed
    unit = "hour" if billed.resolution == "h" else "day"
    if billed.start >= billed.end:
        yield f"Modal has not billed this yet: it reports whole {unit}s, when they are over"
        return
    regions = ", ".join(f"{label} {dollars(amount)}" for label, amount in billed.by_region.items())
    yield (
        f"billed by Modal to {excerpt(billed.workspace, 60)}: {dollars(billed.dollars)}"
        f" ({regions or 'nothing for these apps'})"
    )
    spans = int((billed.end - billed.start).total_seconds() // (3600 if unit == "hour" else 86400))
    yield (
        f"  from {billed.start:%Y-%m-%d %H:%M} to {billed.end:%Y-%m-%d %H:%M} UTC ({quantity(spans, f'whole {unit}')}),"
        " everything that Beacon's apps did in that time"
    )
