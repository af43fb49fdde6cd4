"""How a list of jobs is shown to people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC
from typing import TYPE_CHECKING

from beacon_cli.printable import excerpt
from beacon_cli.program_name import command
from beacon_cli.stored_jobs.overview import JobList, JobOverview
from beacon_cli.wording import duration

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_STYLES = {
    "completed": "green",
    "queued": "cyan",
    "running": "bold cyan",
    "interrupted": "bold yellow",
    "partial": "yellow",
    "failed": "bold red",
    "cancelled": "magenta",
}
_ROOMY = 130
_REMARKS = 5


def show_jobs(found: JobList, status: str | None) -> Callable[[Console], None]:
    """Return what prints the jobs on a console; `status` is the one that was asked for."""

    def show(console: Console) -> None:
        if not found.jobs:
            console.print(f"no job is {excerpt(status)}" if status else "no job was run yet", soft_wrap=True)
            return
        times = "×" if console.encoding.startswith("utf") else "x"
        console.print(_table(found, console.width, times))
        for line in _remarks(found):
            console.print(line, soft_wrap=True)

    return show


def _table(found: JobList, width: int, times: str) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    roomy = width >= _ROOMY
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    table.add_column("job", overflow="fold", min_width=12)
    table.add_column("status", no_wrap=True)
    table.add_column("answered", justify="right", no_wrap=True)
    table.add_column("asked", no_wrap=True)
    table.add_column("created", no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    for name in ("batching", "name") if roomy else ():
        table.add_column(name, overflow="fold")
    for job in found.jobs:
        more = [excerpt(job.batching or "-", 20), excerpt(job.name or "", 60)] if roomy else []
        cells = [excerpt(job.id, 80), excerpt(job.status or "-", 20), _answered(job), _shape(job, times, roomy=roomy)]
        cells += [_created(job, roomy=roomy), "-" if job.seconds is None else duration(job.seconds), *more]
        styles = ["bold", _STYLES.get(job.status, "")]
        table.add_row(*(Text(cell, style) for cell, style in zip(cells, styles + [""] * len(cells), strict=False)))
    return table


def _answered(job: JobOverview) -> str:
    return f"{job.answered}/{'?' if job.expected is None else job.expected}"


def _shape(job: JobOverview, times: str, *, roomy: bool) -> str:
    """Return `2 questions × 2 models × 3 regions`, with the repeats where there are several, or `2×2×3×1`."""
    counts = (job.questions, job.models, job.regions, job.repeats)
    numbers = ["?" if count is None else str(count) for count in counts]
    if not roomy:
        return times.join(numbers)
    kept = zip(numbers, ("question", "model", "region", "repeat"), strict=True)
    named = [f"{number} {name}{'' if number == '1' else 's'}" for number, name in kept]
    return f" {times} ".join(named if job.repeats > 1 else named[:3])


def _created(job: JobOverview, *, roomy: bool) -> str:
    if job.created_at is None:
        return "-"
    return job.created_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC" if roomy else "%m-%d %H:%M")


def _remarks(found: JobList) -> Iterator[str]:
    for job in [job for job in found.jobs if job.holder][:_REMARKS]:
        name = excerpt(job.id)
        left = f", about {duration(job.eta_seconds)} left" if job.eta_seconds else ""
        yield f"{name} is run by {excerpt(job.holder or '')}{left}; watch it: {command('show', name)} --follow"
    for job in [job for job in found.jobs if job.status == "interrupted"][:_REMARKS]:
        name = excerpt(job.id)
        yield f"{name} was interrupted: nobody runs it; resume it: {command('run JOB_FILE --job-id', name)}"
    if found.more:
        yield "there are older ones: --limit N"
