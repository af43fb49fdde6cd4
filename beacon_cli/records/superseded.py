"""Answers that were asked again on purpose (`run --again`): how many, and of which statuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from beacon_cli.console.formatting import quantity
from beacon_cli.console.printable import excerpt
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.snapshot import Connection, reading

_COUNTS = """
SELECT status, count(*) FROM superseded_executions WHERE job_id = %s GROUP BY status ORDER BY count(*) DESC, status
"""


@dataclass(frozen=True, slots=True)
class Superseded:
    """The number of answers of a job that a later run replaced, by the status that they had."""

    by_status: Mapping[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.by_status.values())

    def __str__(self) -> str:
        """Return how many there are, and what that does to the rates; nothing if there are none."""
        if not self.by_status:
            return ""
        statuses = ", ".join(f"{count} {excerpt(status, 20)}" for status, count in self.by_status.items())
        return (
            f"{quantity(self.count, 'answer was', 'answers were')} asked again and replaced ({statuses}). That is"
            " selective: asking again only what was empty or blocked raises the share of answers with text"
        )


def superseded_answers(connection: Connection, job: StoredJob) -> Superseded:
    """Return what was replaced of a job; the old system never asked again."""
    if job.schema == "legacy":
        return Superseded()
    with reading(connection):
        return Superseded(dict(connection.execute(_COUNTS, [job.key]).fetchall()))
