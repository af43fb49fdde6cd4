"""How a job grew: the numbers of repeats that it had, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from beacon_cli.records.expectation import from_spec
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.store.queries import query

_ALWAYS = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stage:
    """A number of repeats for which answers were stored, and when the first run of those began."""

    repeats: int
    began: datetime


def stages_of(connection: Connection, job: StoredJob) -> tuple[Stage, ...]:
    """Return the stages of a job, fewest repeats first. Without a record there is one: what the job says."""
    own = from_spec(job.spec, job.regions).repeats
    return recorded_stages(connection, job) or (Stage(own, _ALWAYS),)


def recorded_stages(connection: Connection, job: StoredJob) -> tuple[Stage, ...]:
    """Return the stages of which there is a record, fewest repeats first.

    A number of repeats for which no run stored an answer is no stage.
    """
    own = from_spec(job.spec, job.regions).repeats
    found: dict[int, datetime] = {}
    if job.schema == "beacon":
        with reading(connection):
            rows = connection.execute(query("records", "stages"), {"job_id": job.key}).fetchall()
        for repeats, began in rows:
            planned = own if repeats is None else repeats
            found[planned] = min(began, found.get(planned, began))
    return tuple(Stage(repeats, began) for repeats, began in sorted(found.items()))
