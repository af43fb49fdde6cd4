"""Gives jobs that end without a run their last status."""

from __future__ import annotations

from collections.abc import Sequence

from beacon_cli.store.connect import connect, translated

_FAIL = """
WITH given_up AS (
    UPDATE jobs SET status = 'failed', completed_at = now() WHERE id = %(job)s AND status IN ('created', 'running')
)
UPDATE beacon_queue.beacon_entries SET reason = %(reason)s, set_aside_at = now() WHERE entry = %(entry)s
"""
_NOTE = """
UPDATE beacon_queue.beacon_entries SET reason = %(reason)s, set_aside_at = job.completed_at
FROM jobs AS job WHERE entry = %(entry)s AND job.id = %(job)s
"""


def fail_job(url: str, entry: int, job_id: str, reason: str) -> None:
    """Store in a job and its queue entry that it cannot run, and why. Raises `StoreError`."""
    with connect(url) as connection, translated():
        connection.execute(_FAIL, {"entry": entry, "job": job_id, "reason": reason})


def note_reason(url: str, entry: int, job_id: str, reason: str) -> None:
    """Store in the queue entry of a job why it ended as it did. Raises `StoreError`."""
    with connect(url) as connection, translated():
        connection.execute(_NOTE, {"entry": entry, "job": job_id, "reason": reason})


def give_up_job(url: str, job_id: str, status: str, from_statuses: Sequence[str] = ("created", "running")) -> None:
    """Set the last status of a job that no run will finish. Raises `StoreError`."""
    with connect(url) as connection, translated():
        connection.execute(
            "UPDATE jobs SET status = %s, completed_at = now() WHERE id = %s AND status = ANY (%s)",
            [status, job_id, list(from_statuses)],
        )
