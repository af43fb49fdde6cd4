"""Sets a job aside that ends one worker after another, so that other jobs can continue."""

from __future__ import annotations

from beacon_cli.errors import LockLost, StoreError
from beacon_cli.store.connect import connect, translated
from beacon_cli.store.queries import query

MOST_ENDED = 3
"""Maximum number of workers that a job may end in a row, without a new answer in between."""

# Errors that affect every job: connections, resources, privileges, tables, a stopped or a read-only server.
_EVERYBODYS_CLASSES = ("08", "25", "28", "3D", "42", "53", "55", "57", "58", "F0", "XX")


def is_the_jobs_fault(error: Exception) -> bool:
    """Return whether only this job causes the error: the database accepts everything else.

    A lock that another process took is not the job's fault either, but it affects only this job.
    """
    if isinstance(error, LockLost):
        return True
    return isinstance(error, StoreError) and bool(error.sqlstate) and not error.sqlstate.startswith(_EVERYBODYS_CLASSES)


def count_failure(url: str, entry: int, job_id: str, error: StoreError) -> int:
    """Count a failure of a job, and return the number of failures in a row. Raises `StoreError`.

    A lost lock is not counted.
    """
    if isinstance(error, LockLost):
        return ended_workers(url, entry)[0]
    with connect(url) as connection, translated():
        counted = {"entry": entry, "job": job_id, "why": error.message}
        row = connection.execute(query("fleet", "count_failure"), counted).fetchone()
    return int(str(row[0])) if row else 0


def ended_workers(url: str, entry: int) -> tuple[int, str]:
    """Return how many workers a job has ended in a row, and why the last one. Raises `StoreError`."""
    with connect(url) as connection, translated():
        row = connection.execute(query("fleet", "ended_workers"), {"entry": entry}).fetchone()
    return (int(str(row[0])), str(row[1])) if row else (0, "")


def set_aside(url: str, entry: int, job_id: str) -> str:
    """Set a job aside, and return why. Raises `StoreError`."""
    ended, why = ended_workers(url, entry)
    message = f"set aside: {ended} workers in a row ended on it, without a new answer in between"
    message = f"{message}; the last failure: {why}" if why else message
    with connect(url) as connection, translated():
        connection.execute(query("fleet", "set_aside"), {"entry": entry, "job": job_id, "why": message})
    return message
