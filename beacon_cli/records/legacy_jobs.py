"""The jobs in the old system's tables, as far as they are recorded there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import sql
from psycopg.rows import dict_row

from beacon_cli.records.expectation import Expectation, from_spec
from beacon_cli.records.find_job import StoredJob, find_job
from beacon_cli.records.overview import JobList, JobOverview, name_in, shape
from beacon_cli.records.relations import legacy_executions
from beacon_cli.records.snapshot import Connection, reading
from modal_deployment.regions import Regions

# Through JSON: a missing column is NULL, whatever columns the table has.
_JOBS = """
    SELECT coalesce(to_jsonb(jobs) ->> 'jobspec_id', id::text), coalesce(to_jsonb(jobs) ->> 'status', ''),
           (to_jsonb(jobs) ->> 'created_at')::timestamptz
    FROM jobs
    WHERE (%(status)s::text IS NULL OR to_jsonb(jobs) ->> 'status' = %(status)s)
      AND (%(text)s::text IS NULL
           OR strpos(lower(coalesce(to_jsonb(jobs) ->> 'jobspec_id', id::text)), lower(%(text)s)) > 0)
    ORDER BY id DESC LIMIT %(limit)s OFFSET %(skip)s
"""
_ONE = """
    SELECT coalesce(to_jsonb(jobs) ->> 'status', ''), (to_jsonb(jobs) ->> 'created_at')::timestamptz
    FROM jobs WHERE id = %s
"""
_COUNTS = """
    SELECT count(*) FILTER (WHERE status IN ('completed', 'empty', 'blocked')) AS answered, 0 AS blocked,
           count(DISTINCT question_id) AS questions, min(started_at) AS started_at, max(completed_at) AS completed_at,
           (CASE WHEN isfinite(min(started_at)) AND isfinite(max(completed_at))
                 THEN extract(epoch FROM max(completed_at)) - extract(epoch FROM min(started_at))
            END)::float8 AS seconds
    FROM {executions} AS execution
"""


def legacy_jobs(
    connection: Connection,
    limit: int,
    status: str | None,
    *,
    text: str | None = None,
    skip: int = 0,
    regions: Regions,
) -> JobList:
    """Return the newest jobs after the first `skip` ones; their statuses are the old system's own.

    Only those with `status`, and with `text` in their id, if these are given.
    """
    wanted = {"limit": limit + 1, "skip": skip, "status": status, "text": text}
    with reading(connection):
        rows = connection.execute(_JOBS, wanted).fetchall()
    jobs = ((find_job(connection, job_id, regions=regions), *stored) for job_id, *stored in rows[:limit])
    return JobList(tuple(_overview(connection, *job) for job in jobs), more=len(rows) > limit)


def legacy_overview(connection: Connection, job: StoredJob) -> JobOverview:
    """Return what the list of jobs has of a job."""
    with reading(connection):
        [(status, created_at)] = connection.execute(_ONE, [job.key]).fetchall()
    return _overview(connection, job, status, created_at)


def _overview(connection: Connection, job: StoredJob, status: str, created_at: datetime | None) -> JobOverview:
    spec = from_spec(job.spec, job.regions)
    counts = _counts(connection, job, spec)
    found = counts.pop("questions")
    return JobOverview(
        id=job.id,
        name=name_in(job.spec),
        status=status,
        holder=None,
        batching=None,
        created_at=created_at,
        **shape(spec, len(spec.question_ids) if spec.question_ids else found),
        **counts,
    )


def _counts(connection: Connection, job: StoredJob, spec: Expectation) -> dict[str, Any]:
    query = sql.SQL(_COUNTS).format(executions=legacy_executions(job.columns, spec.repeats, job.regions))
    with reading(connection), connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(query, {"job_id": job.key, "repeats": spec.repeats})
        [counts] = cursor.fetchall()
        return counts
