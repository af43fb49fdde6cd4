"""Who runs a job: whoever holds its advisory lock (see store/session.py)."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from beacon_cli.audit.database import Connection
from beacon_cli.store.connect import translated

HOLDERS = sql.SQL("""(
    SELECT lock.classid, lock.objid, coalesce(activity.application_name, 'process ' || lock.pid) AS holder
    FROM pg_locks AS lock
    LEFT JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
    WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 1
      AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
)""")
"""A relation of the processes that hold advisory locks in this database."""

HOLDS = sql.SQL(
    "classid = ((hashtextextended('beacon job ' || job.id, 0) >> 32) & 4294967295)::oid"
    " AND objid = (hashtextextended('beacon job ' || job.id, 0) & 4294967295)::oid"
)
"""The condition that a row of `HOLDERS` is the holder of the row `job` of the table `jobs`."""

STATUS = sql.SQL(
    "CASE WHEN job.status = 'running' AND holder IS NULL AND NOT pg_is_in_recovery() THEN 'interrupted'"
    " WHEN job.status = 'created' THEN 'queued' ELSE job.status END"
)
"""A job's status; a standby server cannot see who holds locks, so there `running` is believed."""

_STATE = sql.SQL("SELECT {status}, holder FROM jobs AS job LEFT JOIN {holders} AS holders ON {holds} WHERE id = %s")


@dataclass(frozen=True, slots=True)
class State:
    """A job's status, `interrupted` where the tables say `running` and nobody runs it; and who does."""

    status: str
    holder: str | None

    @property
    def over(self) -> bool:
        """Whether no answer is to be expected any more."""
        return self.holder is None and self.status not in {"queued", "running"}


def state_of(connection: Connection, job_id: str) -> State:
    """Return the state of one of Beacon's own jobs. It looks at no execution."""
    with translated():
        statement = _STATE.format(status=STATUS, holders=HOLDERS, holds=HOLDS)
        row = connection.execute(statement, [job_id]).fetchone()
    return State(*row) if row else State("deleted", None)
