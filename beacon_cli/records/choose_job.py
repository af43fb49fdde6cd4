"""Finds the intended job: on a terminal, the beginning of an id or `@last` is enough. Only for reading jobs."""

from __future__ import annotations

import sys

from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.console.result import write_stderr
from beacon_cli.errors import JobNotFound, UsageError
from beacon_cli.records.find_job import LAST, find_job, storable
from beacon_cli.records.newest_jobs import newest_jobs
from beacon_cli.records.snapshot import Connection

_LISTED = 10


def chosen_job_id(connection: Connection, given: str, *, as_json: bool) -> str:
    """Return the id of the intended job. An unknown text is returned unchanged.

    A script never gets a guess: stdin and stdout must be terminals, without `--json`. The chosen id is printed on
    stderr. Raises `UsageError` for the beginning of several ids, and `SchemaError`.
    """
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()) or _is_stored(connection, given):
        return given
    if not given or not storable(given):
        return given
    found = newest_jobs(connection, *(("", 1) if given == LAST else (given, _LISTED + 1)))
    if not found:
        return given
    if len(found) > 1:
        listed = ", ".join(excerpt(job.id, 255) for job in found[:_LISTED])
        more = ", …" if len(found) > _LISTED else ""
        raise UsageError(
            f"several jobs begin with '{excerpt(given)}'",
            hint=f"write more of the id: {listed}{more}; {command('jobs')} lists all jobs",
        )
    write_stderr(f"job {excerpt(found[0].id, 255)}\n")
    return found[0].id


def _is_stored(connection: Connection, job_id: str) -> bool:
    try:
        find_job(connection, job_id)
    except JobNotFound:
        return False
    return True
