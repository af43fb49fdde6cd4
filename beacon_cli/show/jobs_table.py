"""Shows a list of jobs to people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from beacon_cli.console.formatting import duration
from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.records.ending import Ending
from beacon_cli.records.journal_lines import print_journals
from beacon_cli.records.overview import RESUMABLE_STATUSES, JobList, JobOverview
from beacon_cli.store.job_locks import deletes, work_of
from beacon_cli.store.journal import Found

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {
    "completed": "green",
    "queued": "cyan",
    "running": "bold cyan",
    "interrupted": "bold yellow",
    "partial": "yellow",
    "failed": "bold red",
    "cancelled": "magenta",
    "set_aside": "bold red",
}
_ROOMY = 130
_REMARKS = 5


def show_jobs(found: JobList, status: str | None, journals: Found) -> Callable[[Console], None]:
    """Return a function that prints the jobs on a console; `status` is the requested one."""

    def show(console: Console) -> None:
        show_found(console)
        print_journals(console, journals)

    def show_found(console: Console) -> None:
        if not found.jobs:
            console.print(f"no job is {excerpt(status)}" if status else "no jobs yet", soft_wrap=True)
            return
        times = "×" if console.encoding.startswith("utf") else "x"
        _print(found, console, times)
        for line in remarks(found):
            console.print(line, soft_wrap=True)

    return show


def _print(found: JobList, console: Console, times: str) -> None:
    from rich.text import Text

    from beacon_cli.console.tables import Column, print_table
    from beacon_cli.console.terminal import line_limit

    limit = line_limit(console)
    roomy = limit is None or limit >= _ROOMY
    any_blocked = any(job.blocked for job in found.jobs)
    columns = [Column("job"), Column("status"), Column("answered", right=True)]
    columns += [Column("blocked", right=True)] if any_blocked else []
    columns += [Column("asked"), Column("created")]
    columns += [Column("took", right=True), Column("batching", optional=True), Column("name", optional=True)]
    rows: list[Sequence[str | Text]] = [
        (
            Text(excerpt(job.id, 255), "bold"),
            Text(excerpt((job.status or "-").replace("_", " "), 20), _STYLES.get(job.status, "")),
            _answered(job),
            *([str(job.blocked or 0)] if any_blocked else []),
            asked_in(job, times, roomy=roomy),
            _created(job, roomy=roomy),
            "-" if job.seconds is None else duration(job.seconds),
            excerpt(job.batching or "-", 20),
            excerpt(job.name or "", 60),
        )
        for job in found.jobs
    ]
    print_table(console, columns, rows)


def _answered(job: JobOverview) -> str:
    return f"{job.answered}/{'?' if job.expected is None else job.expected}"


def asked_in(job: JobOverview, times: str, *, roomy: bool) -> str:
    """Return `2 questions × 2 models × 3 regions`, with the repeats if there are several, or `2×2×3×1`.

    The regions that are asked twice stand behind it.
    """
    counts = (job.questions, job.models, job.regions, job.repeats)
    numbers = ["?" if count is None else str(count) for count in counts]
    controls = f" + control {', '.join(excerpt(label, 30) for label in job.controls)}" if job.controls else ""
    if not roomy:
        return times.join(numbers) + controls
    kept = zip(numbers, ("question", "model", "region", "repeat"), strict=True)
    named = [f"{number} {name}{'' if number == '1' else 's'}" for number, name in kept]
    return f" {times} ".join(named if job.repeats > 1 else named[:3]) + controls


def _created(job: JobOverview, *, roomy: bool) -> str:
    if job.created_at is None:
        return "-"
    return job.created_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC" if roomy else "%m-%d %H:%M")


def what_to_do(job: JobOverview) -> str | None:
    """Return how to get the answers that a job lacks; None if it lacks none, or if it runs or waits in the queue."""
    if job.status not in RESUMABLE_STATUSES:
        return None
    return str(Ending(job.id, job.status, job.reason, job.by_fleet)) if job.reason else _how_to_resume(job)


def _how_to_resume(job: JobOverview) -> str:
    name = excerpt(job.id, 255)
    interrupted = job.status == "interrupted"
    how = "was interrupted, and is not running" if interrupted else f"is {job.status}"
    return f"{name} {how}. To resume it: {command('run JOB_FILE --job-id', name)}"


def remarks(found: JobList) -> Iterator[str]:
    """Yield sentences on jobs that run, that can be resumed, or that ended without all of their answers."""
    for job in [job for job in found.jobs if job.holder][:_REMARKS]:
        name = excerpt(job.id, 255)
        left = f", about {duration(job.eta_seconds)} left" if job.eta_seconds else ""
        watch = f"{command('show', name)} --follow"
        what = f"{name} is {work_of(excerpt(job.holder or ''))}"
        yield what if deletes(job.holder or "") else f"{what}{left}. To watch it: {watch}"
    for job in [job for job in found.jobs if job.status == "interrupted"][:_REMARKS]:
        yield _how_to_resume(job)
    endings = [Ending(job.id, job.status, job.reason, job.by_fleet) for job in found.jobs if job.reason]
    yield from map(str, endings[:_REMARKS])
    if found.more:
        yield f"There are older jobs. To list them: {command('jobs --limit N')}"
