"""Which process runs a job: the one that holds its advisory lock."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import class_row

from beacon_cli.records.snapshot import Connection
from beacon_cli.store.connect import translated
from beacon_cli.store.job_locks import HOLDERS, HOLDS

_STATUS = sql.SQL("""
    CASE WHEN job.status = 'running' AND (holder IS NOT NULL OR pg_is_in_recovery()) THEN 'running'
         WHEN job.status IN ('created', 'running')
         THEN CASE WHEN holder IS NOT NULL OR {in_queue} THEN 'queued' ELSE 'interrupted' END
         WHEN job.status = 'failed' AND starts_with({reason}, 'set aside: ') THEN 'set_aside'
         ELSE job.status END
""")
# If the queue cannot be read, submitted jobs are assumed to be in it.
_IN_QUEUE = {
    True: sql.SQL(
        "EXISTS (SELECT FROM beacon_queue.procrastinate_jobs"
        " WHERE (queueing_lock = job.id AND status = 'todo') OR (lock = job.id AND status = 'doing'))"
    ),
    False: sql.SQL("job.status = 'created'"),
}
# Why a job ended as it did in the fleet. A later end has another time. Entries are deleted at some time.
_REASON_OF_FLEET = {
    True: sql.SQL("""(
        SELECT reason FROM beacon_queue.beacon_entries
        WHERE job.status IN ('failed', 'partial') AND job_id = job.id AND set_aside_at = job.completed_at
        ORDER BY entry DESC LIMIT 1
    )"""),
    False: sql.SQL("NULL::text"),
}
# The same of the job's last run, in the fleet or not.
_REASON_OF_RUN = sql.SQL("""(
    SELECT reason FROM runs
    WHERE job.status IN ('failed', 'partial') AND job_id = job.id AND ended_at = job.completed_at
    ORDER BY started_at DESC LIMIT 1
)""")
_SEES_QUEUE = """
    SELECT 2 = count(*) FROM pg_class AS queue JOIN pg_namespace AS schema ON schema.oid = relnamespace
    WHERE nspname = 'beacon_queue' AND relname IN ('procrastinate_jobs', 'beacon_entries')
      AND has_schema_privilege(schema.oid, 'USAGE') AND has_table_privilege(queue.oid, 'SELECT')
"""

_STATE = sql.SQL(
    "SELECT {status} AS status, holder FROM jobs AS job LEFT JOIN {holders} AS holders ON {holds} WHERE id = %s"
)


def status_expression(connection: Connection) -> sql.Composed:
    """Return the expression for a job's status, in which `holder` is what runs the row `job`.

    A job that no process runs is `queued` if it is in the fleet's queue, else `interrupted`. A standby server cannot
    see the holders of locks, so there `running` is accepted.
    """
    seen = _sees_queue(connection)
    return _STATUS.format(in_queue=_IN_QUEUE[seen], reason=_REASON_OF_FLEET[seen])


def reason_columns(connection: Connection) -> sql.Composed:
    """Return the columns `reason`, why the job of the row `job` ended without all of its answers, and `by_fleet`.

    `reason` is NULL if none is stored; `by_fleet` says whether it is the fleet's.
    """
    of_fleet = _REASON_OF_FLEET[_sees_queue(connection)]
    columns = sql.SQL("coalesce({fleet}, {run}) AS reason, {fleet} IS NOT NULL AS by_fleet")
    return columns.format(fleet=of_fleet, run=_REASON_OF_RUN)


def _sees_queue(connection: Connection) -> bool:
    row = connection.execute(_SEES_QUEUE).fetchone()
    return bool(row and row[0])


@dataclass(frozen=True, slots=True)
class State:
    """A job's status, `interrupted` if no process runs it and no queue has it; and what runs it."""

    status: str
    holder: str | None

    @property
    def over(self) -> bool:
        """Whether no more answers are expected."""
        return self.holder is None and self.status not in {"queued", "running"}


def state_of(connection: Connection, job_id: str) -> State:
    """Return the state of one of Beacon's own jobs, without reading executions."""
    with translated():
        statement = _STATE.format(status=status_expression(connection), holders=HOLDERS, holds=HOLDS)
        with connection.cursor(row_factory=class_row(State)) as cursor:
            found = cursor.execute(statement, [job_id]).fetchone()
    return found or State("deleted", None)
