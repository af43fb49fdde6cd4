"""Tells whether anything was stored of a job since it was read last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.snapshot import Connection, reading

_BEACON = "SELECT count(*), max(completed_at)::text FROM executions WHERE job_id = %s"
_LEGACY = "SELECT count(*), max(id)::text FROM executions WHERE job_id = %s"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a job has: two stamps are equal if nothing was added, asked again or planned anew in between."""

    executions: int
    newest: str | None
    spec: Any


def stamp_of(connection: Connection, job: StoredJob) -> Stamp:
    """Return the stamp of a job. Raises `StoreError`."""
    with reading(connection):
        rows = connection.execute(_LEGACY if job.schema == "legacy" else _BEACON, [job.key]).fetchall()
    [(executions, newest)] = rows
    return Stamp(executions, newest, job.spec)
