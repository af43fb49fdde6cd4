"""The progress of a job of the fleet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row

from beacon_cli.errors import JobNotFound
from beacon_cli.job.part import WHOLE, Part
from beacon_cli.records.holders import State, state_of
from beacon_cli.store.connect import translated
from beacon_cli.store.queries import query

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """A job's open entry in the queue; `taken` says whether a worker has it."""

    id: int
    priority: int
    taken: bool = False


@dataclass(frozen=True, slots=True)
class JobProgress:
    """The progress of a job: its state, and its entries in the queue."""

    state: State
    entries: tuple[Entry, ...]

    @property
    def over(self) -> bool:
        """Whether no more progress is expected."""
        return not self.entries and self.state.over


def job_progress(connection: Connection, job_id: str) -> JobProgress:
    """Return the progress of a job. Raises `JobNotFound` if it does not exist any more, and `StoreError`."""
    state = state_of(connection, job_id)
    if state.status == "deleted":
        raise JobNotFound(f"job {job_id} was deleted")
    return JobProgress(state, entries_of(connection, job_id))


def entries_of(connection: Connection, job_id: str) -> tuple[Entry, ...]:
    """Return a job's entries in the queue. Raises `StoreError`."""
    with translated(), connection.cursor(row_factory=class_row(Entry)) as cursor:
        return tuple(cursor.execute(query("fleet", "entries"), {"job": job_id}).fetchall())


def rows_by_region(connection: Connection, job_id: str, part: Part = WHOLE) -> dict[str, Counter[str]]:
    """Return how many rows a part of a job has by region label and status. Raises `StoreError`."""
    counts: dict[str, Counter[str]] = {}
    parameters = {"job": job_id, **part.as_parameters()}
    with translated():
        for region, status, rows in connection.execute(query("fleet", "counts"), parameters).fetchall():
            counts.setdefault(region, Counter())[status] += rows
    return counts


def rows_by_status(by_region: dict[str, Counter[str]]) -> dict[str, int]:
    """Return the same without the regions."""
    return dict(sum(by_region.values(), Counter()))
