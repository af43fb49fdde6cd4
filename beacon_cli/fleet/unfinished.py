"""Jobs that end without a run: what their row says then."""

from __future__ import annotations

from collections.abc import Sequence

from beacon_cli.store.connect import connect, translated


def give_up_job(url: str, job_id: str, status: str, from_statuses: Sequence[str] = ("created", "running")) -> None:
    """Give a job that no run will finish its last status. Raises `StoreError`."""
    with connect(url) as connection, translated():
        connection.execute(
            "UPDATE jobs SET status = %s, completed_at = now() WHERE id = %s AND status = ANY (%s)",
            [status, job_id, list(from_statuses)],
        )
