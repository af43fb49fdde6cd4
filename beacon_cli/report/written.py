"""Shows a written report to people: its path, and its findings in one line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from beacon_cli.console.formatting import quantity, size
from beacon_cli.console.printable import printable
from beacon_cli.console.program_name import command

if TYPE_CHECKING:
    from rich.console import Console

    from beacon_cli.report.report import WrittenReport


def show_report(written: WrittenReport) -> Callable[[Console], None] | None:
    """Return a function that prints it on a console; None if the report itself went to stdout."""
    path, size_of_file = written.path, written.size
    if path is None or size_of_file is None:
        return None

    def show(console: Console) -> None:
        comparison, answers = written.report.comparison, written.report.answers
        console.print(f"{printable(str(path))} ({size(size_of_file)})", soft_wrap=True)
        if not comparison.complete:
            console.print("incomplete: the report lists what is missing", style="bold red")
        if not comparison.comparable:
            told = f"not comparable: the report explains why; if intended: {comparison.acceptance}"
            console.print(told, style="bold red")
        console.print(comparison.verdicts_told, style="bold")
        if answers.left_out:
            left_out = (
                f"{quantity(answers.left_out, 'execution')} of {answers.shown + answers.left_out} are not in the report"
            )
            console.print(f"{left_out}: {command('show')} and {command('export')} show them", style="yellow")

    return show
