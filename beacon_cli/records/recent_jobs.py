"""The newest jobs of a database, whichever system's tables they are in."""

from __future__ import annotations

from typing import Any

from psycopg.rows import dict_row

from beacon_cli.console.printable import excerpt
from beacon_cli.console.suggestions import suggestion
from beacon_cli.errors import JobNotFound, UsageError
from beacon_cli.records.expectation import from_spec
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.holders import reason_columns, status_expression
from beacon_cli.records.legacy_jobs import legacy_jobs, legacy_overview
from beacon_cli.records.overview import (
    RESUMABLE,
    RESUMABLE_STATUSES,
    STATUSES,
    JobList,
    JobOverview,
    name_in,
    seconds_left,
    shape,
)
from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.store.job_locks import HOLDERS, HOLDS
from beacon_cli.store.migrate import require_current_schema
from beacon_cli.store.queries import query
from beacon_cli.store.schema import READING_LEGACY, detect_schema, facts_of, require_rights
from beacon_cli.store.text import MARK, storable
from modal_deployment.regions import Regions

_ALL: dict[str, Any] = {"statuses": None, "text": None, "job_id": None, "skip": 0}


def recent_jobs(
    connection: Connection,
    limit: int,
    status: str | None = None,
    *,
    text: str | None = None,
    skip: int = 0,
    regions: Regions,
) -> JobList:
    """Return the newest jobs after the first `skip` ones; `regions` are the known ones.

    If they are given, only those with `status` (or `RESUMABLE`), and with `text` in their id or name, in any case.
    Raises `UsageError` for a status that jobs never have, `SchemaError` for tables that are not the program's.
    """
    text = text and storable(text).removeprefix(MARK)
    if detect_schema(connection) == "legacy":
        status = status and storable(status)
        require_rights(facts_of(connection, READING_LEGACY))
        return legacy_jobs(connection, limit, status, text=text, skip=skip, regions=regions)
    require_current_schema(connection)
    _require_status(status)
    wanted = list(RESUMABLE_STATUSES) if status == RESUMABLE else status and [status]
    rows = _rows(connection, {**_ALL, "limit": limit, "statuses": wanted, "text": text, "skip": skip})
    more = {row.pop("more") for row in rows} == {True}
    return JobList(tuple(_overview(row, regions) for row in rows), more)


def job_overview(connection: Connection, job: StoredJob) -> JobOverview:
    """Return what the list of jobs has of a job. Raises `JobNotFound` if it was deleted meanwhile."""
    if job.schema == "legacy":
        return legacy_overview(connection, job)
    rows = _rows(connection, {**_ALL, "limit": 1, "job_id": job.id})
    if not rows:
        raise JobNotFound(f"job {excerpt(job.id)} was deleted meanwhile")
    rows[0].pop("more")
    return _overview(rows[0], job.regions)


def _require_status(status: str | None) -> None:
    known = (*STATUSES, RESUMABLE)
    if status is not None and status not in known:
        hint = f"{suggestion(status, known)}use one of: {', '.join(known)}"
        raise UsageError(f"unknown status '{excerpt(status)}'", hint=hint)


def _rows(connection: Connection, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    with reading(connection), connection.cursor(row_factory=dict_row) as cursor:
        status_is = status_expression(connection)
        why = reason_columns(connection)
        statement = query("records", "recent").format(status=status_is, holders=HOLDERS, holds=HOLDS, why=why)
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def _overview(row: dict[str, Any], regions: Regions) -> JobOverview:
    spec, answered_in_run = row.pop("spec"), row.pop("answered_in_run")
    asked = shape(from_spec(spec, regions), _question_count(spec))
    eta = seconds_left(row["seconds"], answered_in_run, row["answered"], asked["expected"])
    return JobOverview(name=name_in(spec), eta_seconds=eta, **asked, **row)


def _question_count(spec: Any) -> int | None:
    questions = spec.get("questions") if isinstance(spec, dict) else None
    count = questions.get("count") if isinstance(questions, dict) else None
    return count if isinstance(count, int) else None
