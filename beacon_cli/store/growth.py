"""More repeats of a stored job: when a job file may ask for them, and how they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from beacon_cli.errors import FewerRepeats, UsageError
from beacon_cli.job.changes import how_to_go_on, spec_differences
from beacon_cli.job.model import Job
from beacon_cli.store.connect import AsyncConnection

_GROW = """
UPDATE jobs SET spec = jsonb_set(spec, '{repeats}', to_jsonb(%(repeats)s::int)), spec_sha256 = %(sha256)s
WHERE id = %(job)s
"""
# Runs of an earlier version did not store how many repeats they planned.
_KEEP_HISTORY = "UPDATE runs SET repeats = %(before)s WHERE job_id = %(job)s AND repeats IS NULL"


def repeats_before(job: Job, job_id: str, spec: Mapping[str, Any], sha256: str) -> int | None:
    """Return how many repeats the stored job has, if `job` is the same with more of them; None if it is the same.

    `spec` and `sha256` are those of the stored job. Raises `FewerRepeats`, and `UsageError` if anything else differs.
    """
    if sha256 == job.spec_sha256:
        return None
    before: int = spec["repeats"]
    if replace(job, repeats=before).spec_sha256 != sha256:
        raise UsageError(
            f"job {job_id} is already stored with different contents: {'; '.join(spec_differences(spec, job.spec()))}",
            hint=f"{how_to_go_on(spec, job.spec())}; only repeats may grow",
        )
    if job.repeats < before:
        raise FewerRepeats(
            f"job {job_id} is already stored with {before} repeats, and {job.repeats} would be fewer",
            hint=f"set repeats: {before} to resume it, or more to add some; a smaller job needs another id",
        )
    return before


async def store_growth(connection: AsyncConnection, job: Job, job_id: str, before: int) -> None:
    """Store, inside a transaction, that a job has more repeats than `before`, and that its earlier runs had `before`.

    The caller holds the job's lock. Raises psycopg's errors.
    """
    values = {"job": job_id, "repeats": job.repeats, "sha256": job.spec_sha256, "before": before}
    await connection.execute(_KEEP_HISTORY, values)
    await connection.execute(_GROW, values)
