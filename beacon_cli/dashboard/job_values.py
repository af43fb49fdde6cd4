"""Everything on a job's overview that changes, as texts by name: the page is filled with them, then kept up to date."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping

from beacon_cli.console.formatting import duration, quantity
from beacon_cli.dashboard.activity import Activity, activity
from beacon_cli.dashboard.lane_rows import LaneRows, grid
from beacon_cli.dashboard.site import Site
from beacon_cli.dashboard.watching import Value
from beacon_cli.executor.counts import Counts
from beacon_cli.records.expectation import LaneName, from_spec
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.overview import RESUMABLE_STATUSES, JobOverview
from beacon_cli.records.snapshot import Connection

WATCHED = ("queued", "running", *RESUMABLE_STATUSES)
"""The statuses of jobs that something may still happen to: they run, wait, or can be resumed."""
_WITHOUT_TEXT = ("empty", "blocked", "failed", "timeout", "cancelled")


def job_values(
    connection: Connection, site: Site, job: StoredJob, overview: JobOverview, lanes: Mapping[LaneName, LaneRows]
) -> dict[str, Value]:
    """Return the values of a job now: `grid` names models and regions, so a page can tell whether it has their rows.

    Raises `StoreError`.
    """
    running = overview.status == "running"
    shared = site.shared_state(job.id) if running else None
    doing = activity(connection, job, overview.holder, shared) if running else Activity()
    return {
        "status": overview.status,
        "grid": json.dumps(grid(lanes)),
        **_progress(overview, lanes, job, doing),
        **_now(doing, running=running),
        **dict(_cells(lanes, doing)),
    }


def _progress(
    overview: JobOverview, lanes: Mapping[LaneName, LaneRows], job: StoredJob, doing: Activity
) -> dict[str, Value]:
    by_status: Counter[str] = sum((lane.by_status for lane in lanes.values()), Counter())
    expected = overview.expected if overview.expected is not None else sum(by_status.values())
    counts = Counts.of(expected, by_status)
    unknown = overview.eta_seconds is None or doing.paused
    left = "" if unknown else f"about {duration(overview.eta_seconds or 0)} left"
    return {
        "answered": counts.sentence(from_spec(job.spec, job.regions).min_success_rate),
        "done": round(counts.rate, 4),
        "heard": "; ".join(
            [f"{int(counts.rate * 10) * 10} % answered", *(f"trouble in {each}" for each in doing.troubles)]
        ),
        "took": "–" if overview.seconds is None else duration(overview.seconds),
        "left": left,
        "failed": str(by_status["failed"] + by_status["timeout"]),
        "cancelled": str(by_status["cancelled"]),
        "containers": str(len(set().union(*(lane.containers for lane in lanes.values())))),
        "hops": str(sum(lane.hops for lane in lanes.values())),
        "retries": str(sum(lane.retries for lane in lanes.values())),
    }


def _now(doing: Activity, *, running: bool) -> dict[str, Value]:
    known = str(doing.in_flight) if doing.in_flight is not None else "not known here" if running else "–"
    return {"in_flight": known, "questions": list(doing.questions), "troubles": list(doing.troubles.values())}


def _cells(lanes: Mapping[LaneName, LaneRows], doing: Activity) -> Iterator[tuple[str, Value]]:
    """Yield the texts of the grid: `lane.ROW.COLUMN` with its notes and calls, and `region.COLUMN`."""
    models, regions = grid(lanes)
    for row, model in enumerate(models):
        for column, region in enumerate(regions):
            lane = lanes.get((model, region))
            name = f"lane.{row}.{column}"
            yield name, "not asked" if lane is None else str(lane.counts)
            yield f"{name}.notes", "" if lane is None else _notes(lane)
            yield f"{name}.calls", doing.calls.get((model, region), "")
    for column, region in enumerate(regions):
        counts = [lane.counts for (_, label), lane in lanes.items() if label == region]
        yield f"region.{column}", str(sum(counts, Counts(0)))
        yield f"region.{column}.calls", doing.regions.get(region, "")


def _notes(lane: LaneRows) -> str:
    notes = [f"{lane.by_status[status]} {status}" for status in _WITHOUT_TEXT if lane.by_status[status]]
    notes += [quantity(lane.hops, "hop")] if lane.hops else []
    notes += [quantity(lane.retries, "retry", "retries")] if lane.retries else []
    return " · ".join(notes)
