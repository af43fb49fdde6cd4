"""How an audit is shown to people: the cells, the count per region, and a line for each check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from beacon_cli.audit.check import Check
from beacon_cli.audit.report import AuditReport
from beacon_cli.printable import excerpt
from beacon_cli.wording import quantity

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_MARKS = {"pass": "✓", "fail": "✗", "warn": "!", "skip": "–"}
_ASCII_MARKS = {"pass": "ok", "fail": "FAIL", "warn": "!", "skip": "-"}
_STYLES = {"pass": "green", "fail": "bold red", "warn": "yellow", "skip": "dim"}
_UNFINISHED = frozenset({"pending", "running", "retrying", "processing"})


def show_audit(report: AuditReport) -> Callable[[Console], None]:
    """Return what prints the report on a console."""

    def show(console: Console) -> None:
        console.print(_headline(report), soft_wrap=True)
        if report.coverage.lanes:
            console.print(_table(report))
        for line in (*_deviations(report), *_summary(report)):
            console.print(_encodable(line, console), soft_wrap=True)
        print_checks(report, console)

    return show


def _headline(report: AuditReport) -> str:
    tables = "" if report.schema == "beacon" else " (the old system's tables)"
    return f"job {excerpt(report.job_id)}{tables}: {quantity(report.rows, 'row')}"


def _table(report: AuditReport) -> Table:
    """Return answered/expected: by question where the cells are few, else summed over the questions."""
    coverage = report.coverage
    labels = list(coverage.by_region())
    by_question = _is_whole_list(report)
    cells: dict[tuple[str, ...], dict[str, str]] = {}
    if by_question:
        for group in coverage.groups:
            row = cells.setdefault((group.question_id, group.model_id), {})
            row[group.region] = f"{group.actual}/{group.expected}"
    else:
        for lane in coverage.lanes:
            cells.setdefault((lane.model_id,), {})[lane.region] = f"{lane.completed}/{lane.expected}"
    return _grid(("question", "model") if by_question else ("model",), labels, cells)


def _grid(names: tuple[str, ...], labels: list[str], cells: dict[tuple[str, ...], dict[str, str]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, title="answers: actual/expected", title_justify="left", title_style="dim")
    for name in names:
        table.add_column(name)
    for label in labels:
        table.add_column(excerpt(label, 30), justify="right")
    for key, row in cells.items():
        table.add_row(*(Text(excerpt(name, 60)) for name in key), *(row.get(label, "") for label in labels))
    return table


def _is_whole_list(report: AuditReport) -> bool:
    listed = sum(group.expected for group in report.coverage.groups)
    return bool(listed) and listed == report.coverage.expected


def _deviations(report: AuditReport) -> list[str]:
    deviating = [group for group in report.coverage.groups if group.deviating][:20]
    lines = []
    for group in deviating:
        if group.stored == 0:
            became = "never ran"
        else:
            became = "" if group.actual else f"{excerpt(group.status or '')}; "
            became += f"{quantity(group.stored, 'row')}, {quantity(group.actual, 'answer')} of {group.expected}"
        where = " · ".join(excerpt(name) for name in (group.question_id, group.model_id, group.region))
        lines.append(f"  {where}: {became}")
    if (more := report.coverage.deviating - sum(group.deviating for group in deviating)) > 0:
        lines.append(f"  … and {more} more")
    return lines


def _summary(report: AuditReport) -> list[str]:
    regions = report.coverage.by_region().items()
    counted = "  ".join(f"{excerpt(label, 30)} {n['completed']}/{n['expected']}" for label, n in regions)
    statuses = [f"{number} {_status(name)}" for name, number in report.counts.items()]
    if report.coverage.never_ran:
        statuses.append(f"{quantity(report.coverage.never_ran, 'cell')} never ran")
    lines = (counted, ", ".join(statuses), report.success_rate())
    return [line for line in lines if line]


def _status(name: str) -> str:
    return f"{name} (not finished)" if name in _UNFINISHED else excerpt(name or "(no status)", 40)


def print_checks(report: AuditReport, console: Console) -> None:
    """Print one line per check: its mark, its name, what it found."""
    _print_lines(report.checks, console)


def print_findings(report: AuditReport, console: Console) -> None:
    """Print the audit in short: how many checks passed, and a line for each that did not."""
    passed = [check for check in report.checks if check.status == "pass"]
    others = [check for check in report.checks if check.status != "pass"]
    summary = Check("audit", "pass" if report.ok else "fail", f"{len(passed)} of {len(report.checks)} checks passed")
    _print_lines([summary, *others], console)


def _print_lines(checks: Sequence[Check], console: Console) -> None:
    from rich.text import Text

    marks = _MARKS if _can_write("".join(_MARKS.values()), console) else _ASCII_MARKS
    width = max(len(mark) for mark in marks.values())
    for check in checks:
        line = Text(f"{marks[check.status]:<{width}} ", style=_STYLES[check.status])
        line.append(f"{check.name:<14} ", style="bold" if check.status == "fail" else "none")
        line.append(_encodable(check.detail, console), style="none")
        console.print(line, soft_wrap=True)


def _encodable(text: str, console: Console) -> str:
    """Return the text with what the console's encoding cannot write made visible (a C locale is ASCII)."""
    return text if _can_write(text, console) else text.encode("ascii", "backslashreplace").decode("ascii")


def _can_write(text: str, console: Console) -> bool:
    try:
        text.encode(console.encoding)
    except UnicodeEncodeError:
        return False
    return True
