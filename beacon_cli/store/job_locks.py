"""Who holds the lock on a job, as SQL: a session holds it while it runs the job (see session.py), or deletes it."""

from __future__ import annotations

from psycopg import sql

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

TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('beacon job ' || %(job)s, 0))"
"""Takes the lock on a job until the end of the transaction, and returns whether it was free."""

TO_DELETE = ", to delete it"
"""How the name of a holder ends that does not run its job, but deletes it."""


def deletes(holder: str) -> bool:
    """Return whether a holder deletes its job."""
    return holder.endswith(TO_DELETE)


def work_of(holder: str) -> str:
    """Return what a holder does with its job, in words that follow `is`."""
    return f"being {'deleted' if deletes(holder) else 'run'} by {holder.removesuffix(TO_DELETE)}"
