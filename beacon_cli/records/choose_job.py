"""Finds the intended job: on a terminal, the beginning of an id or `@last` is enough. Only for reading jobs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.console.result import write_stderr
from beacon_cli.errors import JobNotFound, UsageError
from beacon_cli.records.find_job import LAST, StoredJob, find_job, storable
from beacon_cli.records.newest_jobs import newest_jobs
from beacon_cli.records.snapshot import Connection, reading
from modal_deployment.regions import Regions

_LISTED = 10


def chosen_job(
    connection: Connection, given: str, *, regions: Regions, as_json: bool, announced: bool = True
) -> StoredJob:
    """Return the job that is meant; `regions` are the known ones.

    A script never gets a guess: stdin and stdout have to be terminals, and `--json` must not be given. If `announced`,
    the id that was chosen is written to stderr. Raises `JobNotFound`, `UsageError` for the beginning of several ids,
    and `SchemaError`.
    """
    with reading(connection):
        try:
            return find_job(connection, given, regions=regions)
        except JobNotFound:
            if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()) or not given or not storable(given):
                raise
            found = newest_jobs(connection, "", 1) if given == LAST else newest_jobs(connection, given, _LISTED + 1)
            if not found:
                raise
        job_id = _only_one(given, [job.id for job in found])
        if announced:
            write_stderr(f"job {excerpt(job_id, 255)}\n")
        return find_job(connection, job_id, regions=regions)


def _only_one(given: str, ids: Sequence[str]) -> str:
    if len(ids) > 1:
        listed = ", ".join(excerpt(job_id, 255) for job_id in ids[:_LISTED])
        more = ", …" if len(ids) > _LISTED else ""
        raise UsageError(
            f"several jobs begin with '{excerpt(given)}'",
            hint=f"write more of the id: {listed}{more}; {command('jobs')} lists all jobs",
        )
    return ids[0]
