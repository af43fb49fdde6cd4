"""Deletes jobs, each in a transaction that holds the job's lock, and what this machine kept of them."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg import sql

from beacon_cli.console.formatting import quantity
from beacon_cli.console.printable import excerpt
from beacon_cli.deletion.candidates import ACTIVE_AT, Candidate, held, queued
from beacon_cli.errors import BeaconError, JobInUse, JobNotFound, JournalError, ProblemsFound
from beacon_cli.records.holders import state_of, status_expression
from beacon_cli.records.snapshot import Connection
from beacon_cli.signals import Interrupted
from beacon_cli.store.connect import connect, translated
from beacon_cli.store.job_locks import TO_DELETE, TRY_LOCK
from beacon_cli.store.journal import Kept, look
from beacon_cli.store.queries import query

# 100,000 rows that are in memory take less than a second; a disk may be slow.
_STATEMENT_TIMEOUT = "3600s"
_REPEAT = "repeat this to see it as it is now"


@dataclass(slots=True)
class Deleted:
    """What was deleted so far, and why the rest was not. `journals` says of each file whether it was removed."""

    jobs: list[Candidate] = field(default_factory=list)
    problems: list[ProblemsFound] = field(default_factory=list)
    journals: list[tuple[Kept, bool]] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        """Return the part of the JSON document about what was done."""
        return {
            "deleted": [job.job_id for job in self.jobs],
            "journals": [{**kept.as_data(), "removed": removed} for kept, removed in self.journals],
        }


def delete_jobs(url: str, jobs: Sequence[Candidate], journal_folder: Path) -> Deleted:
    """Delete jobs with all that belongs to them, one after the other; a job that is in use by now stays.

    A job that has changed since it was chosen stays, too. With a job go the journals of its runs that are on this
    machine. Raises `StoreError`; like a signal, it says how many jobs are gone.
    """
    deleted = Deleted()
    try:
        with connect(url, statement_timeout=_STATEMENT_TIMEOUT, name=_name()) as connection:
            for job in jobs:
                _delete_or_explain(connection, job, journal_folder, deleted)
    except (BeaconError, Interrupted) as stopped:
        stopped.data = {**stopped.data, **deleted.as_data()}
        so_far = f"{len(deleted.jobs)} of {quantity(len(jobs), 'job')} had been deleted by then"
        stopped.hint = f"{stopped.hint}; {so_far}" if stopped.hint else so_far
        raise
    return deleted


def _name() -> str:
    """Return how a run that is refused meanwhile names this process; PostgreSQL keeps 63 bytes of it."""
    return f"process {os.getpid()} on {socket.gethostname()[:20]}{TO_DELETE}"


def _delete_or_explain(connection: Connection, job: Candidate, journal_folder: Path, deleted: Deleted) -> None:
    try:
        runs = _delete(connection, job)
    except ProblemsFound as problem:
        deleted.problems.append(problem)
        return
    deleted.jobs.append(job)
    _remove_journals(journal_folder, runs, deleted)


def _delete(connection: Connection, job: Candidate) -> frozenset[str]:
    """Delete a job in one transaction, and return the ids of its runs.

    All rows of a job refer to it, directly, and go with it: one statement deletes them, on behalf of the owner of the
    tables. No answer can be added meanwhile, since its row would refer to the locked row of the job.
    Raises `JobInUse`, and `JobNotFound` if another process has deleted it.
    """
    with translated(), connection.transaction():
        [(locked,)] = connection.execute(TRY_LOCK, {"job": job.job_id}).fetchall()
        if not locked:
            raise held(job.job_id, state_of(connection, job.job_id).holder or "another process")
        runs = _runs_of_unchanged(connection, job)
        connection.execute("DELETE FROM jobs WHERE id = %s", [job.job_id])
    return runs


def _runs_of_unchanged(connection: Connection, job: Candidate) -> frozenset[str]:
    statement = query("deletion", "unheld").format(status=status_expression(connection), active_at=ACTIVE_AT)
    row = connection.execute(statement, {"job": job.job_id}).fetchone()
    name = excerpt(job.job_id, 255)
    if row is None:
        raise JobNotFound(f"job {name} was deleted by another process", hint="")
    status, active_at, runs = row
    if status == "queued":
        raise queued(job.job_id)
    if active_at != job.active_at:
        raise JobInUse(f"job {name} was run since it was looked at", hint=_REPEAT)
    return frozenset(runs)


def journals_of(connection: Connection, jobs: Sequence[Candidate], journal_folder: Path) -> list[Kept]:
    """Return the journals of this machine with answers of these jobs. Raises `StoreError`."""
    found = look(journal_folder).journals
    with translated():
        known = connection.execute(
            sql.SQL("SELECT id::text FROM runs WHERE id = ANY (%s::uuid[]) AND job_id = ANY (%s)"),
            [[kept.run_id for kept in found], [job.job_id for job in jobs]],
        ).fetchall()
    runs = {run_id for (run_id,) in known}
    return [kept for kept in found if kept.run_id in runs]


def _remove_journals(folder: Path, runs: frozenset[str], deleted: Deleted) -> None:
    for kept in look(folder).journals:
        if kept.run_id not in runs:
            continue
        try:
            removed = kept.remove()
        except JournalError as error:
            removed = False
            deleted.problems.append(ProblemsFound(error.message, hint="remove it by hand: its job is deleted"))
        deleted.journals.append((kept, removed))
