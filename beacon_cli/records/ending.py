"""Why a job ended without all of its answers: one value, and one sentence, wherever it is shown."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.holders import reason_columns
from beacon_cli.records.snapshot import Connection
from beacon_cli.store.connect import translated

_ENDED = sql.SQL("SELECT status, {columns} FROM jobs AS job WHERE id = %s")


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a job that lacks answers: its status, and why the fleet, or a run outside of it, ended it."""

    job_id: str
    status: str
    reason: str
    by_fleet: bool = True

    @property
    def set_aside(self) -> bool:
        """Whether it ended because no further worker gets it; only such a reason begins like this."""
        return self.reason.startswith("set aside: ")

    def __str__(self) -> str:
        """Return it as a sentence, which ends with the command that asks the rest."""
        name = excerpt(self.job_id, 255)
        again = command("submit JOB_FILE --job-id" if self.by_fleet else "run JOB_FILE --job-id", name)
        how = "was" if self.set_aside else f"is {excerpt(self.status, 20)}:"
        return f"{name} {how} {excerpt(self.reason, 500)}. To try it again: {again}"


def ending_of(connection: Connection, job: StoredJob) -> Ending | None:
    """Return why a job ended without all of its answers; None if no reason is stored. Raises `StoreError`."""
    if job.schema == "legacy":
        return None
    with translated():
        row = connection.execute(_ENDED.format(columns=reason_columns(connection)), [job.key]).fetchone()
    return Ending(job.id, *row) if row and row[1] is not None else None
