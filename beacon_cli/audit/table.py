"""Shows an audit to people: the answers to each question, a line for each check, and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from beacon_cli.audit.check import Check
from beacon_cli.audit.report import AuditReport
from beacon_cli.audit.sentences import (
    MARKS,
    CheckLines,
    check_lines,
    headline,
    next_command,
    reason_lines,
    stored_answers,
    verdict_sentence,
)
from beacon_cli.console.hanging import print_hanging
from beacon_cli.console.printable import excerpt
from beacon_cli.console.terminal import can_encode, encodable

if TYPE_CHECKING:
    from rich.console import Console

_ASCII_MARKS = {"pass": "ok", "fail": "FAIL", "warn": "!", "skip": "-"}
_STYLES = {"pass": "green", "fail": "bold red", "warn": "yellow", "skip": "dim"}


def show_audit(report: AuditReport) -> Callable[[Console], None]:
    """Return a function that prints the report on a console."""

    def show(console: Console) -> None:
        from rich.text import Text

        print_hanging(Text(), headline(report), console, indent=2)
        console.print()
        if report.coverage.lanes:
            _print_coverage(report, console)
            console.print()
        superseded = str(report.superseded) if report.superseded.count else ""
        for lines in ([str(report.ending)] if report.ending else [], list(reason_lines(report)), [superseded]):
            for line in [*lines, ""] if any(lines) else []:
                console.print(encodable(line, console), soft_wrap=True)
        for each in check_lines(report):
            _print_check(each, console)
        console.print()
        _print_verdict(report, console)

    return show


def print_findings(report: AuditReport, console: Console) -> None:
    """Print a line for each check that did not pass; nothing if all passed."""
    findings = [check for check in report.checks if check.status not in ("pass", "skip")]
    for check in findings:
        print_check_line(check, console)
    if findings:
        console.print()


def print_check_line(check: Check, console: Console) -> None:
    """Print the line of a check: a mark, its name, its detail."""
    from rich.text import Text

    marks = MARKS if can_encode("".join(MARKS.values()), console) else _ASCII_MARKS
    width = max(len(mark) for mark in marks.values())
    line = Text(f"{marks[check.status]:<{width}} ", style=_STYLES[check.status])
    line.append(f"{check.name:<14} ", style="bold" if check.status == "fail" else "none")
    print_hanging(line, check.detail, console, indent=len(line))


def _print_coverage(report: AuditReport, console: Console) -> None:
    from beacon_cli.console.tables import Column, print_table

    table = stored_answers(report)
    total = ["all", *[""] * (len(table.names) - 1), *table.total]
    print_table(
        console,
        [*map(Column, table.names), *(Column(excerpt(label, 30), right=True) for label in table.regions)],
        [
            [*(excerpt(name, 255) for name in key), *(row.get(label, "") for label in table.regions)]
            for key, row in table.rows.items()
        ],
        title=table.title,
        footer=total if len(table.rows) > 1 else (),
    )


def _print_check(found: CheckLines, console: Console) -> None:
    from rich.text import Text

    print_check_line(found.check, console)
    for line in found.lines:
        print_hanging(Text("    "), line, console, indent=6)


def _print_verdict(report: AuditReport, console: Console) -> None:
    from rich.text import Text

    word = ("ok", "bold green") if report.ok else ("not ok", "bold red")
    line = Text.assemble(word, ": ")
    print_hanging(line, verdict_sentence(report), console, indent=len(line))
    console.print(Text(f"next:   {next_command(report)}"), soft_wrap=True)
