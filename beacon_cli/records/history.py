"""A job without its executions: its name, its state, its runs, and the stored spec."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.store.queries import query

_SPEC_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the job; `executions` counts its current ones: one that is asked again moves to the later run.

    `repeats` is how many it planned, None if that are those of the job.
    """

    id: str
    started_at: datetime
    ended_at: datetime | None
    version: str
    repeats: int | None
    executions: int


@dataclass(frozen=True, slots=True)
class History:
    """What is stored about a job; in the old system's tables that is little more than its spec."""

    job: StoredJob
    name: str
    status: str
    spec_sha256: str
    created_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    runs: tuple[Run, ...] = ()

    @property
    def spec(self) -> str:
        """The spec as text, cut if it is long."""
        text = json.dumps(self.job.spec, indent=2, ensure_ascii=False)
        return text if len(text) <= _SPEC_CHARACTERS else f"{text[:_SPEC_CHARACTERS]}\n… cut"


def history_of(connection: Connection, job: StoredJob) -> History:
    """Return what is stored about a job. Raises `StoreError`."""
    spec: Mapping[str, Any] = job.spec if isinstance(job.spec, dict) else {}
    name = spec.get("name")
    called = name if isinstance(name, str) else ""
    if job.schema == "legacy":
        return History(job, called, "", "")
    parameters = {"job_id": job.key}
    with reading(connection), connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(query("records", "job"), parameters).fetchone()
        runs = cursor.execute(query("records", "runs"), parameters).fetchall()
    stored = row or {"status": "", "spec_sha256": ""}
    return History(job, called, **stored, runs=tuple(Run(**run) for run in runs))
