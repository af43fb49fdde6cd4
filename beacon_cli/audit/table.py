"""Shows an audit to people: the answers to each question, a line for each check, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from beacon_cli.audit.check import Check
from beacon_cli.audit.judges import incomplete
from beacon_cli.audit.report import AuditReport
from beacon_cli.console.formatting import quantity
from beacon_cli.console.hanging import print_hanging
from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.console.terminal import can_encode, encodable

if TYPE_CHECKING:
    from rich.console import Console

_MARKS = {"pass": "✓", "fail": "✗", "warn": "!", "skip": "–"}
_ASCII_MARKS = {"pass": "ok", "fail": "FAIL", "warn": "!", "skip": "-"}
_STYLES = {"pass": "green", "fail": "bold red", "warn": "yellow", "skip": "dim"}
_UNFINISHED = frozenset({"pending", "running", "retrying", "processing"})
_LISTED = 20
_DO = {
    "no_duplicates": "a program other than beacon has written rows; the command export shows them",
    "no_unexpected": "a program other than beacon has written rows, or --expect names the file of another job",
    "question_id": "a program other than beacon has written rows; the command export shows them",
    "regions": "the command verify endpoints --probe shows what each region reports about itself",
    "sequential": "the command report shows when each question was asked",
    "batch_gap": "the command report shows when each question was asked; a busy machine or database makes gaps",
    "containers": "the command report shows which container answered when",
    "timestamps": "set the clocks of the machines that run beacon and the database (NTP)",
}


def show_audit(report: AuditReport) -> Callable[[Console], None]:
    """Return a function that prints the report on a console."""

    def show(console: Console) -> None:
        from rich.text import Text

        print_hanging(Text(), _headline(report), console, indent=2)
        console.print()
        if report.coverage.lanes:
            _print_coverage(report, console)
            console.print()
        for line in (*_reasons(report), *_asked_again(report)):
            console.print(encodable(line, console), soft_wrap=True)
        for check in report.checks:
            _print_check(check, report, console)
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


def _headline(report: AuditReport) -> str:
    tables = "" if report.schema == "beacon" else " (the old system's tables)"
    statuses = [f"{number} {_status(name)}" for name, number in report.counts.items()]
    by_status = f": {', '.join(statuses)}" if set(report.counts) - {"completed"} else ""
    return f"job {excerpt(report.job_id, 255)}{tables}: {quantity(report.rows, 'row')}{by_status}"


def _status(name: str) -> str:
    return f"{name} (not finished)" if name in _UNFINISHED else excerpt(name or "(no status)", 40)


def _print_coverage(report: AuditReport, console: Console) -> None:
    """Print answered/expected: per question if there are few cells, else as a sum over all questions."""
    from beacon_cli.console.tables import Column, print_table

    coverage = report.coverage
    sums = coverage.by_region()
    by_question = _is_whole_list(report)
    cells: dict[tuple[str, ...], dict[str, str]] = {}
    if by_question:
        for group in coverage.groups:
            row = cells.setdefault((group.question_id, group.model_id), {})
            row[group.region] = f"{group.actual}/{group.expected}"
    else:
        for lane in coverage.lanes:
            cells.setdefault((lane.model_id,), {})[lane.region] = str(lane.cells)
    names = ("question", "model") if by_question else ("model",)
    total = ["all", *[""] * (len(names) - 1), *map(str, sums.values())]
    print_table(
        console,
        [*map(Column, names), *(Column(excerpt(label, 30), right=True) for label in sums)],
        [
            [*(excerpt(name, 255) for name in key), *(row.get(label, "") for label in sums)]
            for key, row in cells.items()
        ],
        title=f"answers stored / expected{_controls(coverage.controls)}",
        footer=total if len(cells) > 1 else (),
    )


def _controls(labels: Sequence[str]) -> str:
    named = ", ".join(excerpt(label, 30) for label in labels)
    return f" (control: {named}, asked twice)" if labels else ""


def _reasons(report: AuditReport) -> Iterator[str]:
    """Yield why cells have no text, and in which regions."""
    if not report.reasons:
        return
    yield "without text, by reason:"
    for reason in report.reasons[:_LISTED]:
        code = f": {excerpt(reason.error_code, 60)}" if reason.error_code else ""
        where = ", ".join(f"{excerpt(region, 30)} {count}" for region, count in reason.by_region.items())
        yield f"  {reason.count} × {_status(reason.status)}{code} ({where})"
    if (more := len(report.reasons) - _LISTED) > 0:
        yield f"  … and {quantity(more, 'more reason')}; --json has them"
    yield ""


def _asked_again(report: AuditReport) -> Iterator[str]:
    if report.superseded.count:
        yield from (str(report.superseded), "")


def _is_whole_list(report: AuditReport) -> bool:
    listed = sum(group.expected for group in report.coverage.groups)
    return bool(listed) and listed == report.coverage.expected


def _print_check(check: Check, report: AuditReport, console: Console) -> None:
    from rich.text import Text

    deviations = list(_deviations(report)) if (check.name, check.status) == ("complete", "fail") else []
    if deviations:
        check = replace(check, detail=incomplete(report.source, report.coverage))
    print_check_line(check, console)
    if check.status == "fail" and (advice := _DO.get(check.name)):
        deviations.append(f"do: {advice}")
    for line in deviations:
        print_hanging(Text("    "), line, console, indent=6)


def _deviations(report: AuditReport) -> Iterator[str]:
    """Yield a line for each question, model and region that lacks answers or has too many."""
    deviating = [group for group in report.coverage.groups if group.deviating][:_LISTED]
    for group in deviating:
        if group.stored == 0:
            state = "never ran"
        else:
            state = "" if group.actual else f"{excerpt(group.status or '')}; "
            state += f"{quantity(group.stored, 'row')}, {quantity(group.actual, 'answer')} of {group.expected}"
        where = " · ".join(excerpt(name, 255) for name in (group.question_id, group.model_id, group.region))
        yield f"{where}: {state}"
    more = report.coverage.deviating - sum(group.deviating for group in deviating)
    if deviating and more > 0:
        yield f"… and {more} more"


def print_check_line(check: Check, console: Console) -> None:
    """Print the line of a check: a mark, its name, its detail."""
    from rich.text import Text

    marks = _MARKS if can_encode("".join(_MARKS.values()), console) else _ASCII_MARKS
    width = max(len(mark) for mark in marks.values())
    line = Text(f"{marks[check.status]:<{width}} ", style=_STYLES[check.status])
    line.append(f"{check.name:<14} ", style="bold" if check.status == "fail" else "none")
    print_hanging(line, check.detail, console, indent=len(line))


def _print_verdict(report: AuditReport, console: Console) -> None:
    from rich.text import Text

    word = ("ok", "bold green") if report.ok else ("not ok", "bold red")
    separator = ", " if report.ok else "; "
    summary = f"{report.answers_stored()}{separator}{report.checks_summary()}"
    line = Text.assemble(word, ": ")
    print_hanging(line, summary, console, indent=len(line))
    job_id = excerpt(report.job_id, 255)
    missing = report.schema == "beacon" and not report.cells.whole
    following = command("run JOB_FILE --job-id", job_id) if missing else command("show", job_id)
    console.print(Text(f"next:   {following}"), soft_wrap=True)
