"""Shows the fleet to people: submissions, verdicts, cancelled jobs, and the state of the queue."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from beacon_cli.console.formatting import duration, quantity
from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.live.paused import paused_sentence
from beacon_cli.records.journal_lines import print_journals

if TYPE_CHECKING:
    from rich.console import Console

    from beacon_cli.fleet.cancel import Cancelled
    from beacon_cli.fleet.overview import FleetOverview
    from beacon_cli.fleet.submit import Submission
    from beacon_cli.fleet.waiting import Verdict
    from beacon_cli.records.ending import Ending

_REMARKS = 5
Show = Callable[["Console"], None]
_NUMBERS = frozenset(
    {"cells to ask", "calls waiting", "in flight", "at most", "priority", "answered", "waiting for", "left", "jobs"}
)


def show_submission(submission: Submission) -> Show:
    """Return a function that prints a submission."""
    state = "is already in the queue" if submission.already else "is in the queue"
    cells = quantity(submission.expected, "execution")
    if not submission.part.whole:
        cells += f" as a whole, asked only {excerpt(shlex.join(submission.part.options()), 300)}"
    if submission.repeats_before is not None:
        cells += f" (before, it had {quantity(submission.repeats_before, 'repeat')})"
    return lambda out: out.print(f"job {submission.job_id} {state}: {cells}, priority {submission.priority}")


def show_verdict(verdict: Verdict) -> Show:
    """Return a function that prints how a job ended."""
    lines = [problem.message for problem in verdict.problems()]
    lines = lines or [f"job {verdict.submission.job_id} {verdict.status}: {verdict.arithmetic}"]
    return lambda out: out.print(*lines, markup=False, soft_wrap=True)


def show_cancelled(cancelled: Cancelled) -> Show:
    """Return a function that prints that a job was stopped, or why not."""
    if problems := cancelled.problems():
        lines = [text for problem in problems for text in (problem.message, problem.hint) if text]
        return lambda out: out.print("\n".join(lines), markup=False, soft_wrap=True)
    counts = "  ".join(f"{status} {count}" for status, count in sorted(cancelled.counts.items())) or "nothing asked"
    return lambda out: out.print(
        f"job {cancelled.job_id} {cancelled.status} after {cancelled.seconds:.1f}s: {counts}", markup=False
    )


def show_overview(overview: FleetOverview) -> Show:
    """Return a function that prints the fleet."""

    def show(out: Console) -> None:
        data = overview.as_data()
        _print_regions(out, data)
        out.print()
        _print_jobs(out, data["jobs"])
        out.print()
        _print_workers(out, data["workers"])
        for stuck in data["stuck"]:
            out.print(
                f"stuck: job {stuck['job_id']}: {stuck['problem']}; {stuck['hint']}", markup=False, soft_wrap=True
            )
        for line in _unfinished(overview.unfinished):
            out.print(line, markup=False, soft_wrap=True)
        print_journals(out, overview.journals)

    return show


def _unfinished(jobs: Sequence[Ending]) -> Iterator[str]:
    yield from (f"unfinished: job {job}" for job in jobs[:_REMARKS])
    if (more := len(jobs) - _REMARKS) > 0:
        yield f"{quantity(more, 'more unfinished job')}; to list them: {command('jobs --status resumable')}"


def _print_regions(out: Console, data: dict[str, Any]) -> None:
    rows = [
        (
            region,
            str(row["cells"]),
            str(row["calls_waiting"]),
            str(row["in_flight"]),
            "-" if row["cap"] is None else str(row["cap"]),
        )
        for region, row in (*data["regions"].items(), ("all", data["account"]))
    ]
    _table(out, ("region", "cells to ask", "calls waiting", "in flight", "at most"), rows[:-1], footer=rows[-1])
    for region, row in data["regions"].items():
        if row["trouble"] is not None:
            out.print(trouble_sentence(region, row["trouble"]), markup=False, soft_wrap=True)


def trouble_sentence(region: str, trouble: dict[str, Any]) -> str:
    """Return what is said of a region that the fleet has paused, or that recovers."""
    if trouble["condition"] != "paused":
        return f"{region} recovers from a pause: at most {trouble['calls']} in flight"
    return paused_sentence(
        region,
        seconds=trouble["paused_seconds"],
        why=excerpt(trouble["why"]),
        check_in=trouble["next_check_seconds"],
        given_up_in=None,  # each job has its own patience
    )


def _print_jobs(out: Console, jobs: list[dict[str, Any]]) -> None:
    if not jobs:
        out.print("no jobs are waiting or running")
        return
    rows = []
    for job in jobs:
        blocked = f" ({job['blocked']} blocked)" if job["blocked"] else ""
        answered, waited = f"{job['answered']}/{job['expected']}{blocked}", duration(job["queued_seconds"])
        left = "-" if job["eta_seconds"] is None else duration(job["eta_seconds"])
        rows.append((job["job_id"], job["state"], str(job["priority"]), answered, waited, left, job["worker"] or "-"))
    _table(out, ("job", "state", "priority", "answered", "waiting for", "left", "worker"), rows)


def _print_workers(out: Console, workers: list[dict[str, Any]]) -> None:
    if not workers:
        out.print("no worker is known")
        return
    rows = []
    for worker in workers:
        state = worker_state(worker)
        jobs = f"{worker['jobs']}/{worker['jobs_at_most']}"
        rows.append((worker["id"], worker["version"], jobs, duration(worker["up_seconds"]), state))
    _table(out, ("worker", "version", "jobs", "up for", "state"), rows)


def worker_state(worker: dict[str, Any]) -> str:
    """Return the state of a worker: alive, draining, or for how long it has been silent."""
    if not worker["alive"]:
        return f"silent for {duration(worker['silent_seconds'])}"
    return "draining" if worker["draining"] else "alive"


def _table(out: Console, names: Sequence[str], rows: Sequence[Sequence[str]], footer: Sequence[str] = ()) -> None:
    from beacon_cli.console.tables import Column, print_table

    print_table(out, [Column(name, right=name in _NUMBERS) for name in names], rows, footer=footer)
