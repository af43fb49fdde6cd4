"""Shows to people what is warm, and what that costs, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from beacon_cli.console.formatting import duration, quantity
from beacon_cli.console.printable import excerpt, printable
from beacon_cli.console.program_name import command
from beacon_cli.console.redaction import redacted
from beacon_cli.verification.openness import is_on_modal
from beacon_cli.warming.report import WarmLane, WarmReport
from modal_deployment.contents import IDLE_SECONDS

if TYPE_CHECKING:
    from rich.console import Console

_STATES = {"starting": "starting", "warm": "warm", "failed": "failed", "not_ours": "nothing to warm"}


def show_warm(report: WarmReport, job_file: Path) -> Callable[[Console], None]:
    """Return a function that prints the report of a job file on a console."""

    def show(console: Console) -> None:
        from rich.text import Text

        from beacon_cli.console.hanging import print_hanging
        from beacon_cli.console.tables import Column, print_table

        columns = [Column("region"), Column("model"), Column("state"), Column("first answer", right=True)]
        columns += [Column("calls", right=True), Column("hops", right=True), Column("container", optional=True)]
        print_table(console, columns, [_row(lane) for lane in report.lanes])
        console.print()
        for line in _sentences(report):
            print_hanging(Text(), line, console, indent=0)
        for problem in report.problems:
            print_hanging(Text("not ok: ", "bold red"), printable(redacted(problem.message)), console, indent=8)
        for hint in dict.fromkeys(problem.hint for problem in report.problems):
            print_hanging(Text("do:     "), printable(redacted(hint)), console, indent=8)
        if report.exit_code == 0 and report.of("warm"):
            console.print(Text(f"next:   {command('run', str(job_file))}"), soft_wrap=True)

    return show


def _row(lane: WarmLane) -> list[str]:
    return [
        lane.lane.region.label,
        lane.lane.model_id,
        _STATES[lane.state],
        "-" if lane.seconds is None else duration(lane.seconds),
        str(lane.calls or "-"),
        str(lane.hops or "-"),
        excerpt(lane.container_id or "-", 40),
    ]


def _sentences(report: WarmReport) -> Iterator[str]:
    if report.of("not_ours"):
        yield "Endpoints that are not Beacon's own are always there: there is nothing to warm."
    if costing := report.costing:
        those = "It costs its GPU" if costing == 1 else "Each costs its GPU"
        yield (
            f"{quantity(costing, 'container waits', 'containers wait')} on Modal. {those} for every second, also while"
            f" nothing is asked, and ends {IDLE_SECONDS} s after its last question; {command('costs')} adds up what"
            " jobs cost."
        )
    if any(is_on_modal(lane.endpoint) for lane in report.of("failed")):
        yield "Containers that were still starting when Beacon gave up may cost, too: modal container list shows them."
