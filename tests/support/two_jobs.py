"""Two finished jobs with rows in every table, of which one is deleted."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import psycopg

from tests.support.audit_jobs import JOB, START, add_run, seed

OTHER = "other-1"

Connection = psycopg.Connection[tuple[Any, ...]]

_COPIES = (
    "INSERT INTO jobs SELECT %(to)s, spec, spec_sha256, batching, status, created_at, started_at, completed_at"
    " FROM jobs WHERE id = %(from)s",
    "INSERT INTO questions SELECT %(to)s, position, id, text, tags FROM questions WHERE job_id = %(from)s",
    "INSERT INTO runs (id, job_id, started_at, ended_at, host, pid, version)"
    " SELECT gen_random_uuid(), %(to)s, started_at, ended_at, host, pid, version FROM runs WHERE job_id = %(from)s",
    "INSERT INTO executions (job_id, run_id, question_id, model_id, region, status, response, completed_at)"
    " SELECT %(to)s, (SELECT id FROM runs WHERE job_id = %(to)s LIMIT 1), question_id, model_id, region, status,"
    " response, completed_at FROM executions WHERE job_id = %(from)s",
)


def seed_two(connection: Connection) -> str:
    """Store the job of `audit_jobs`, asked in two runs, one answer twice, and another one like it.

    Both ended 90 s after `START`. Returns the first job's second run.
    """
    seed(connection)
    second = add_run(connection, START + timedelta(seconds=30))
    connection.execute(
        "INSERT INTO superseded_executions (id, job_id, run_id, question_id, model_id, region, repeat, status,"
        " attempts, hops, created_at, arm, superseded_by)"
        " SELECT 1000, job_id, run_id, question_id, model_id, region, repeat,"
        " 'empty', 1, 0, created_at, arm, %s FROM executions LIMIT 1",
        [second],
    )
    end(connection)
    copy(connection, OTHER)
    return second


def copy(connection: Connection, job_id: str) -> None:
    """Store the first job once more, under another id; all of its answers are of one run."""
    for statement in _COPIES:
        connection.execute(statement.encode(), {"from": JOB, "to": job_id})


def end(connection: Connection, at: datetime = START, status: str = "completed", job_id: str = JOB) -> None:
    """Set when a job and its runs began; all ended 90 s later."""
    ended = at + timedelta(seconds=90)
    connection.execute(
        "UPDATE jobs SET status = %s, created_at = %s, started_at = %s, completed_at = %s WHERE id = %s",
        [status, at, at, ended, job_id],
    )
    connection.execute("UPDATE runs SET started_at = %s, ended_at = %s WHERE job_id = %s", [at, ended, job_id])


def stored(connection: Connection, job_id: str) -> dict[str, list[Any]]:
    """Return all rows of a job, by table: of every table that has a column for it."""
    tables = connection.execute(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND column_name = 'job_id' AND table_name <> 'fleet_calls'"
    ).fetchall()
    statements = {"jobs": "SELECT to_jsonb(t) FROM jobs AS t WHERE id = %s ORDER BY 1"}
    statements |= {table: f"SELECT to_jsonb(t) FROM {table} AS t WHERE job_id = %s ORDER BY 1" for (table,) in tables}
    rows = {table: connection.execute(each.encode(), [job_id]).fetchall() for table, each in statements.items()}
    return json.loads(json.dumps(rows, default=str))  # type: ignore[no-any-return]
