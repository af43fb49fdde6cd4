"""The jobs that are to be deleted, and why some of them cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import sql
from psycopg.rows import class_row

from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.errors import JobInUse, JobNotFound, ProblemsFound, StoreError, UsageError
from beacon_cli.records.find_job import LAST, find_job, storable
from beacon_cli.records.holders import status_expression
from beacon_cli.records.moments import parse_moment
from beacon_cli.records.snapshot import Connection
from beacon_cli.store.connect import translated
from beacon_cli.store.job_locks import HOLDERS, HOLDS, deletes, work_of
from beacon_cli.store.migrate import require_current_schema
from beacon_cli.store.queries import query
from beacon_cli.store.schema import GRANTS_HINT, READING
from modal_deployment.regions import Regions

DELETING: Mapping[str, str] = {**READING, "jobs": "SELECT, DELETE"}
"""The privileges for deleting jobs: what belongs to a job goes with its row, on behalf of the owner of the tables."""

ACTIVE_AT = sql.SQL("""greatest(job.created_at, job.completed_at, (
        SELECT max(greatest(run.started_at, coalesce(
            run.ended_at, (SELECT max(completed_at) FROM executions WHERE run_id = run.id)
        ))) FROM runs AS run WHERE run.job_id = job.id
    ))""")
"""When the job of the row `job` last did something: it was stored, it ended, or one of its runs did or was answered."""

_YOUNGEST = timedelta(minutes=1)
_LARGE = ("prompt", "system_prompt", "response", "thought", "output_data", "receipt_data")
_BYTES = sql.SQL(" + ").join(sql.SQL("coalesce(pg_column_size({}), 0)").format(sql.Identifier(name)) for name in _LARGE)
_HIDDEN_QUEUE = """
SELECT DISTINCT current_user FROM pg_class AS queue JOIN pg_namespace AS schema ON schema.oid = relnamespace
WHERE nspname = 'beacon_queue' AND relname IN ('procrastinate_jobs', 'beacon_entries')
  AND NOT (has_schema_privilege(schema.oid, 'USAGE') AND has_table_privilege(queue.oid, 'SELECT'))
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A job that may be deleted. `active_at` is when it last did something, `bytes` the size of its texts, as stored.

    `rows` are its executions, those that were asked again included; `answers` are those that hold an answer now.
    """

    job_id: str
    status: str
    holder: str | None
    active_at: datetime
    rows: int
    answers: int
    bytes: int

    def as_data(self) -> dict[str, Any]:
        """Return the job as in the JSON document."""
        return {
            "job_id": self.job_id,
            "status": self.status,
            "active_at": self.active_at.astimezone(UTC).isoformat(),
            "rows": self.rows,
            "answers": self.answers,
            "bytes": self.bytes,
        }

    def in_use(self) -> JobInUse | None:
        """Return why the job cannot be deleted now, None if it can be."""
        if self.holder is not None:
            return held(self.job_id, self.holder)
        return queued(self.job_id) if self.status == "queued" else None


@dataclass(frozen=True, slots=True)
class Chosen:
    """The jobs to delete, the ones that last did something first. `before` is the time that `prune` goes by.

    `refused` is why nothing may be deleted; `in_use` are jobs that stay, which is no reason against the others.
    """

    jobs: tuple[Candidate, ...]
    before: datetime | None = None
    refused: tuple[ProblemsFound, ...] = ()
    in_use: tuple[Candidate, ...] = ()


def held(job_id: str, holder: str) -> JobInUse:
    """Return the refusal of a job that a process runs, or deletes."""
    hint = "" if deletes(holder) else "wait until it has ended, or stop it, and repeat this"
    return JobInUse(f"job {excerpt(job_id, 255)} is {work_of(excerpt(holder))}", hint=hint)


def queued(job_id: str) -> JobInUse:
    """Return the refusal of a job that is in the queue of the fleet, or that a worker has taken from it."""
    name = excerpt(job_id, 255)
    return JobInUse(
        f"job {name} is in the queue of the fleet", hint=f"wait until it has ended, or run: {command('cancel', name)}"
    )


def require_deletable(connection: Connection, *, dry_run: bool) -> None:
    """Raise `SchemaError` for tables that are not this program's, `StoreError` if the role lacks a privilege."""
    require_current_schema(connection, READING if dry_run else DELETING)
    with translated():
        hidden = connection.execute(_HIDDEN_QUEUE).fetchone()
    if hidden is not None:
        raise StoreError(
            f"the database role {hidden[0]} lacks a privilege: SELECT on the tables of the schema beacon_queue, which"
            " say what the fleet still has to run",
            hint=GRANTS_HINT,
        )


def named_jobs(connection: Connection, job_ids: Sequence[str], *, regions: Regions) -> Chosen:
    """Return the jobs with these full ids. If one is unknown or in use, nothing may be deleted. Raises `StoreError`."""
    wanted = list(dict.fromkeys(job_ids))
    found = {job.job_id: job for job in _candidates(connection, ids=[each for each in wanted if storable(each)])}
    refused = [
        found[job_id].in_use() if job_id in found else _unknown(connection, job_id, regions) for job_id in wanted
    ]
    return Chosen(tuple(found.values()), refused=tuple(reason for reason in refused if reason is not None))


def old_jobs(connection: Connection, older_than: str) -> Chosen:
    """Return the jobs that last did something before a time, or that long ago by the database's clock.

    Jobs in use stay. Raises `UsageError` for anything else, for a time to come and for the last minute, which would be
    all jobs, and `StoreError`.
    """
    with translated():
        [(now,)] = connection.execute("SELECT now()").fetchall()
    before = parse_moment(older_than, now, option="--older-than")
    if before > now:
        raise UsageError(
            f"--older-than: {older_than!r} is still to come", hint="write 90d, or a day such as 2026-01-31"
        )
    if now - before < _YOUNGEST:
        raise UsageError(
            f"--older-than: {older_than!r} is less than a minute ago, which would be all jobs",
            hint="write 1m or more, such as 90d",
        )
    found = _candidates(connection, before=before)
    in_use = tuple(job for job in found if job.in_use() is not None)
    return Chosen(tuple(job for job in found if job.in_use() is None), before=before, in_use=in_use)


def _candidates(
    connection: Connection, *, ids: list[str] | None = None, before: datetime | None = None
) -> list[Candidate]:
    with translated(), connection.cursor(row_factory=class_row(Candidate)) as cursor:
        statement = query("deletion", "candidates").format(
            status=status_expression(connection), active_at=ACTIVE_AT, holders=HOLDERS, holds=HOLDS, bytes=_BYTES
        )
        return cursor.execute(statement, {"ids": ids, "before": before}).fetchall()


def _unknown(connection: Connection, job_id: str, regions: Regions) -> ProblemsFound:
    """Return the error for an id that no job had a moment ago."""
    try:
        find_job(connection, job_id, regions=regions)
    except JobNotFound as error:
        if job_id == LAST:
            error.hint = "a job is deleted by its full id"
        return error
    return JobInUse(f"job {excerpt(job_id, 255)} was stored at this moment", hint="repeat this if it is to go, too")
