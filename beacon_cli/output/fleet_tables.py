"""The fleet for people: submissions, verdicts, what was cancelled, and the state of the queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from beacon_cli.wording import duration, quantity

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from beacon_cli.fleet.cancel import Cancelled
    from beacon_cli.fleet.overview import FleetOverview
    from beacon_cli.fleet.submit import Submission
    from beacon_cli.fleet.waiting import Verdict

Show = Callable[["Console"], None]


def show_submission(submission: Submission) -> Show:
    """Return what prints a submission."""
    state = "is in the queue already" if submission.already else "is in the queue"
    cells = quantity(submission.expected, "execution")
    return lambda out: out.print(f"job {submission.job_id} {state}: {cells}, priority {submission.priority}")


def show_verdict(verdict: Verdict) -> Show:
    """Return what prints how a job ended."""
    told = [problem.message for problem in verdict.problems()]
    told = told or [f"job {verdict.submission.job_id} {verdict.status}: {verdict.arithmetic}"]
    return lambda out: out.print(*told, markup=False, soft_wrap=True)


def show_cancelled(cancelled: Cancelled) -> Show:
    """Return what prints that a job was stopped, or why not."""
    if problems := cancelled.problems():
        told = [text for problem in problems for text in (problem.message, problem.hint) if text]
        return lambda out: out.print("\n".join(told), markup=False, soft_wrap=True)
    counts = "  ".join(f"{status} {count}" for status, count in sorted(cancelled.counts.items())) or "nothing asked"
    return lambda out: out.print(
        f"job {cancelled.job_id} {cancelled.status} after {cancelled.seconds:.1f}s: {counts}", markup=False
    )


def show_overview(overview: FleetOverview) -> Show:
    """Return what prints the fleet."""

    def show(out: Console) -> None:
        data = overview.as_data()
        out.print(_regions(data))
        out.print(_jobs(data["jobs"]) if data["jobs"] else "no job waits or runs")
        out.print(_workers(data["workers"]) if data["workers"] else "no worker is known")
        for stuck in data["stuck"]:
            out.print(
                f"stuck: job {stuck['job_id']}: {stuck['problem']}; {stuck['hint']}", markup=False, soft_wrap=True
            )

    return show


def _regions(data: dict[str, Any]) -> Table:
    table = _table("region", "cells to ask", "calls waiting", "in flight", "at most")
    for region, row in (*data["regions"].items(), ("in all", data["account"])):
        cap = "–" if row["cap"] is None else str(row["cap"])
        table.add_row(region, str(row["cells"]), str(row["calls_waiting"]), str(row["in_flight"]), cap)
    return table


def _jobs(jobs: list[dict[str, Any]]) -> Table:
    table = _table("job", "state", "priority", "answered", "in the queue for", "left", "worker")
    for job in jobs:
        answered, waited = f"{job['answered']}/{job['expected']}", duration(job["queued_seconds"])
        left = "–" if job["eta_seconds"] is None else duration(job["eta_seconds"])
        table.add_row(job["job_id"], job["state"], str(job["priority"]), answered, waited, left, job["worker"] or "–")
    return table


def _workers(workers: list[dict[str, Any]]) -> Table:
    table = _table("worker", "version", "jobs", "up for", "state")
    for worker in workers:
        state = "draining" if worker["draining"] else "alive"
        if not worker["alive"]:
            state = f"silent for {duration(worker['silent_seconds'])}"
        jobs = f"{worker['jobs']}/{worker['jobs_at_most']}"
        table.add_row(worker["id"], worker["version"], jobs, duration(worker["up_seconds"]), state)
    return table


def _table(*headings: str) -> Table:
    from rich.table import Table

    return Table(*headings, box=None, pad_edge=False)
