"""Reads for an audit: in one snapshot, without writing, and without waiting forever."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from beacon_cli.errors import StoreError
from beacon_cli.store.connect import translated

Connection = psycopg.Connection[Any]

LOCK_TIMEOUT = "10s"
STATEMENT_TIMEOUT = "10min"

# No scan of all rows just because one job has many of them, and no million probes of an index because the planner
# expects few rows; memory for grouping a million cells; and times without a zone (the old system's) are UTC.
_SETTINGS = """
    SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
    SET LOCAL lock_timeout = '{lock_timeout}';
    SET LOCAL statement_timeout = '{statement_timeout}';
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_nestloop = off;
    SET LOCAL jit = off;
    SET LOCAL work_mem = '64MB';
    SET LOCAL timezone = 'UTC'
"""

_HOLDERS = """
    SELECT DISTINCT class.relname, lock.mode, lock.pid, activity.application_name
    FROM pg_locks AS lock
    JOIN pg_class AS class ON class.oid = lock.relation
    LEFT JOIN pg_stat_activity AS activity ON activity.pid = lock.pid
    WHERE lock.granted AND lock.mode = 'AccessExclusiveLock' AND lock.pid <> pg_backend_pid()
      AND class.relname IN ('jobs', 'questions', 'runs', 'executions', 'superseded_executions', '_yoyo_migration')
    ORDER BY class.relname, lock.pid LIMIT 3
"""


@contextlib.contextmanager
def reading(connection: Connection, *, lock_timeout: str = LOCK_TIMEOUT) -> Iterator[None]:
    """Inside the block, the connection reads one snapshot and writes nothing; an inner block reads the same one.

    Raises `StoreError` for any failure of the database; for a lock it names the holder.
    """
    if connection.info.transaction_status == TransactionStatus.INTRANS:
        yield
        return
    try:
        with translated(), _explained_locks(connection), connection.transaction():
            settings = _SETTINGS.format(lock_timeout=lock_timeout, statement_timeout=STATEMENT_TIMEOUT)
            connection.execute(sql.SQL(settings))
            yield
    except UnicodeError as error:
        raise StoreError(f"the database holds text that cannot be read: {error}") from error


@contextlib.contextmanager
def _explained_locks(connection: Connection) -> Iterator[None]:
    try:
        yield
    except psycopg.errors.LockNotAvailable as error:
        holders = connection.execute(_HOLDERS).fetchall()
        held = "; ".join(f"{mode} on {table} held by process {pid} ({who})" for table, mode, pid, who in holders)
        raise StoreError(
            f"a table of the job is locked by another session: {held or str(error).splitlines()[0]}",
            hint="wait for it to finish, or end it with: SELECT pg_cancel_backend(PID)",
        ) from error
