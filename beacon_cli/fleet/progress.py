"""How far a job of the fleet is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import psycopg

from beacon_cli.errors import JobNotFound
from beacon_cli.fleet.queries import query
from beacon_cli.store.connect import translated


@dataclass(frozen=True, slots=True)
class JobProgress:
    """A job's status, who holds its lock, whether the queue has it, and its rows by region label and status."""

    status: str
    holder: str | None
    queued: bool
    by_region: dict[str, dict[str, int]]

    @property
    def over(self) -> bool:
        """Whether nothing more is to be expected."""
        return not self.queued and self.holder is None and self.status not in {"queued", "running"}

    @property
    def counts(self) -> dict[str, int]:
        """The rows by status."""
        counts: Counter[str] = Counter()
        for statuses in self.by_region.values():
            counts.update(statuses)
        return dict(counts)


def job_progress(connection: psycopg.Connection[Any], job_id: str) -> JobProgress:
    """Return how far a job is. Raises `JobNotFound` where there is none any more, and `StoreError`."""
    with translated():
        row = connection.execute(query("progress"), {"job": job_id}).fetchone()
    if row is None:
        raise JobNotFound(f"job {job_id} was deleted")
    return JobProgress(row[0], row[1], row[2] > 0, row[3])
