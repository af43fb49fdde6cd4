"""What an audit says, in words: for the table of `check-db`, and for the page of the dashboard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from beacon_cli.audit.check import Check, Verdict
from beacon_cli.audit.judges import incomplete
from beacon_cli.audit.report import AuditReport
from beacon_cli.console.formatting import quantity
from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command

MARKS: Mapping[Verdict, str] = {"pass": "✓", "fail": "✗", "warn": "!", "skip": "–"}
"""The mark of a check by its verdict."""

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


@dataclass(frozen=True, slots=True)
class StoredAnswers:
    """Answers stored / expected, as a table: a row for each question and model, or for each model over all questions.

    `rows` has what stands under each label of `regions`, and `total` the sums.
    """

    title: str
    names: tuple[str, ...]
    regions: tuple[str, ...]
    rows: Mapping[tuple[str, ...], Mapping[str, str]]
    total: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckLines:
    """A check, and the lines below it: what deviates, and what to do about it."""

    check: Check
    lines: tuple[str, ...]


def headline(report: AuditReport) -> str:
    """Return which job it is, and its rows by status."""
    tables = "" if report.schema == "beacon" else " (the old system's tables)"
    statuses = [f"{number} {_status(name)}" for name, number in report.counts.items()]
    by_status = f": {', '.join(statuses)}" if set(report.counts) - {"completed"} else ""
    return f"job {excerpt(report.job_id, 255)}{tables}: {quantity(report.rows, 'row')}{by_status}"


def stored_answers(report: AuditReport) -> StoredAnswers:
    """Return the table of answers: question by question if there are few cells, else as a sum over all questions."""
    coverage = report.coverage
    sums = coverage.by_region()
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    if by_question := _is_whole_list(report):
        for group in coverage.groups:
            row = rows.setdefault((group.question_id, group.model_id), {})
            row[group.region] = f"{group.actual}/{group.expected}"
    else:
        for lane in coverage.lanes:
            rows.setdefault((lane.model_id,), {})[lane.region] = str(lane.cells)
    return StoredAnswers(
        title=f"answers stored / expected{_controls(coverage.controls)}",
        names=("question", "model") if by_question else ("model",),
        regions=tuple(sums),
        rows=rows,
        total=tuple(map(str, sums.values())),
    )


def reason_lines(report: AuditReport) -> Iterator[str]:
    """Yield why cells have no text, and in which regions; nothing if all have some."""
    if not report.reasons:
        return
    yield "without text, by reason:"
    for reason in report.reasons[:_LISTED]:
        code = f": {excerpt(reason.error_code, 60)}" if reason.error_code else ""
        where = ", ".join(f"{excerpt(region, 30)} {count}" for region, count in reason.by_region.items())
        yield f"  {reason.count} × {_status(reason.status)}{code} ({where})"
    if (more := len(report.reasons) - _LISTED) > 0:
        yield f"  … and {quantity(more, 'more reason')}; --json has them"


def check_lines(report: AuditReport) -> Iterator[CheckLines]:
    """Yield every check; one that is not passed with what deviates, and what to do."""
    for check in report.checks:
        deviations = tuple(_deviations(report)) if (check.name, check.status) == ("complete", "fail") else ()
        told = replace(check, detail=incomplete(report.source, report.coverage)) if deviations else check
        advice = _DO.get(check.name) if check.status == "fail" else None
        yield CheckLines(told, (*deviations, *([f"do: {advice}"] if advice else [])))


def verdict_sentence(report: AuditReport) -> str:
    """Return why the audit is passed, or not."""
    separator = ", " if report.ok else "; "
    return f"{report.answers_stored()}{separator}{report.checks_summary()}"


def next_command(report: AuditReport) -> str:
    """Return what to do after reading the audit: continue the job, or read its answers."""
    job_id = excerpt(report.job_id, 255)
    missing = report.schema == "beacon" and not report.cells.whole
    return command("run JOB_FILE --job-id", job_id) if missing else command("show", job_id)


def _status(name: str) -> str:
    return f"{name} (not finished)" if name in _UNFINISHED else excerpt(name or "(no status)", 40)


def _controls(labels: Sequence[str]) -> str:
    named = ", ".join(excerpt(label, 30) for label in labels)
    return f" (control: {named}, asked twice)" if labels else ""


def _is_whole_list(report: AuditReport) -> bool:
    listed = sum(group.expected for group in report.coverage.groups)
    return bool(listed) and listed == report.coverage.expected


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
