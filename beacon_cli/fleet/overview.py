"""`beacon queue`: the whole fleet as the database shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from beacon_cli.console.program_name import command
from beacon_cli.errors import BeaconError, ProblemsFound
from beacon_cli.fleet.watch import STALLED_SECONDS
from beacon_cli.job.stored_regions import stored_regions
from beacon_cli.records.ending import Ending
from beacon_cli.records.overview import seconds_left
from beacon_cli.store.connect import connect_readonly, translated
from beacon_cli.store.job_locks import HOLDERS, HOLDS
from beacon_cli.store.journal import Found
from beacon_cli.store.queries import query
from beacon_cli.store.text import original
from modal_deployment.regions import Regions

# Jobs are normally taken over within seconds: one that nothing holds for longer is stuck.
_UNHELD_SECONDS = 20.0

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FleetOverview:
    """Jobs in the queue, calls per region and in total (`account`), workers, and this machine's journals.

    `set_aside` and `unfinished` are jobs that the fleet ended without all of their answers; only the first are stuck.
    """

    jobs: tuple[Row, ...]
    regions: tuple[Row, ...]
    account: Row
    workers: tuple[Row, ...]
    in_no_queue: tuple[str, ...]
    journals: Found
    set_aside: tuple[Ending, ...] = ()
    unfinished: tuple[Ending, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `queue --json`."""
        return {
            "jobs": [_job(row) for row in self.jobs],
            "regions": {row["region"]: _without(row, "region") for row in self.regions},
            "account": _without(self.account, "region"),
            "workers": [{**row, "alive": _alive(row)} for row in self.workers],
            "set_aside": [{"job_id": job.job_id, "reason": job.reason} for job in self.set_aside],
            "unfinished": [
                {"job_id": job.job_id, "status": job.status, "reason": job.reason} for job in self.unfinished
            ],
            "stuck": list(self.stuck()),
            "journals": self.journals.as_data(),
        }

    def stuck(self) -> Iterator[dict[str, str]]:
        """Yield what is stuck, why, and what to do."""
        versions = {worker["version"] for worker in self.workers if _alive(worker)}
        for row in self.jobs:
            problem = _why_stuck(row, versions)
            if problem is not None:
                yield {"job_id": row["job_id"], "problem": problem[0], "hint": problem[1]}
        for job_id in self.in_no_queue:
            yield {
                "job_id": job_id,
                "problem": "it is stored, but not in the queue",
                "hint": f"submit it again, or cancel it: {command('cancel', job_id)}",
            }
        for job in self.set_aside:
            again = command("submit JOB_FILE --job-id", job.job_id)
            hint = f"find out why, then submit it again ({again}), or cancel it: {command('cancel', job.job_id)}"
            yield {"job_id": job.job_id, "problem": job.reason, "hint": hint}

    def problems(self) -> tuple[BeaconError, ...]:
        """Return what is stuck, as errors."""
        return tuple(ProblemsFound(f"job {s['job_id']}: {s['problem']}", hint=s["hint"]) for s in self.stuck())


def fleet_overview(url: str, journals: Found, *, regions: Regions) -> FleetOverview:
    """Read the fleet; `journals` are this machine's, `regions` the known ones. Raises `StoreError`."""
    with connect_readonly(url) as connection, translated():
        jobs = _rows(connection, "fleet_jobs")
        caps = _rows(connection, "fleet_regions")
        workers = _rows(connection, "fleet_workers")
        ended = [Ending(**row) for row in _rows(connection, "fleet_ended")]
        statement = query("fleet", "in_no_queue").format(holders=HOLDERS, holds=HOLDS)
        in_no_queue = tuple(str(row[0]) for row in connection.execute(statement).fetchall())
    for row in caps:
        if row["trouble"] is not None:
            row["trouble"]["why"] = original(row["trouble"]["why"])
    remaining = _remaining(jobs)
    known = {row["region"]: row for row in caps}
    empty = {"cap": None, "in_flight": 0, "calls_waiting": 0, "held_by_lost_workers": 0, "trouble": None}
    labels = sorted({*regions.labels, *remaining, *known} - {"account"}, key=regions.rank)
    return FleetOverview(
        tuple(jobs),
        tuple({"region": label, "cells": remaining[label], **known.get(label, empty)} for label in labels),
        {"region": "account", "cells": sum(remaining.values()), **known.get("account", empty)},
        tuple(workers),
        in_no_queue,
        journals,
        set_aside=tuple(job for job in ended if job.set_aside),
        unfinished=tuple(job for job in ended if not job.set_aside),
    )


def _rows(connection: psycopg.Connection[Any], name: str) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(query("fleet", name))
        return cursor.fetchall()


def _remaining(jobs: list[Row]) -> Counter[str]:
    """Return how many cells of the queue's jobs have no answer yet, by region label."""
    remaining: Counter[str] = Counter()
    for row in jobs:
        row["expected"] = 0
        spec = {"models": row.pop("models"), "regions": row.pop("regions")}
        labels = {region.id: region.label for region in stored_regions(spec).values()}
        for model in spec["models"]:
            for region_id in model["regions"]:
                remaining[labels[region_id]] += row["per_lane"]
                row["expected"] += row["per_lane"]
        answered = row["answered"]
        remaining.subtract(answered)
        row["answered"] = sum(answered.values())
        del row["per_lane"]
    return remaining


def _job(row: Row) -> Row:
    shown = {key: row[key] for key in ("job_id", "priority", "version", "worker", "answered", "blocked", "expected")}
    waited = round(float(row["queued_seconds"]), 1)
    left = seconds_left(row["run_seconds"], row["answered_in_run"], row["answered"], row["expected"])
    return {**shown, "state": _state(row), "queued_seconds": waited, "eta_seconds": left}


def _state(row: Row) -> str:
    return "queued" if not row["taken"] else "running" if row["worker"] else "orphaned"


def _why_stuck(row: Row, versions: set[str]) -> tuple[str, str] | None:
    if not row["taken"] and not versions:
        return "no worker is running", f"start one: {command('worker')}"
    if not row["taken"] and row["version"] not in versions:
        found = ", ".join(sorted(versions))
        return (
            f"it was submitted by version {row['version']}, and the workers are {found}",
            "start a worker of that version, or cancel the job and submit it again",
        )
    if _state(row) == "orphaned" and float(row["changed_seconds"]) > _UNHELD_SECONDS:
        return (
            f"its worker is gone, and no worker of version {row['version']} has taken it over",
            f"start one: {command('worker')}",
        )
    return None


def _alive(worker: Row) -> bool:
    return bool(worker["silent_seconds"] < STALLED_SECONDS)


def _without(row: Row, key: str) -> Row:
    return {name: value for name, value in row.items() if name != key}
