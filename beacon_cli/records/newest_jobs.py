"""The newest jobs whose ids begin in a given way, whichever system's tables they are in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg.rows import class_row

from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.store.schema import detect_schema

_BEACON = "SELECT id, created_at FROM jobs WHERE starts_with(id, %s) ORDER BY created_at DESC, id LIMIT %s"
# Through JSON: a missing column of an old table is NULL, whatever columns it has.
_LEGACY = """
    SELECT name AS id, (document ->> 'created_at')::timestamptz AS created_at
    FROM (SELECT jobs.id AS number, to_jsonb(jobs) AS document,
                 coalesce(to_jsonb(jobs) ->> 'jobspec_id', jobs.id::text) AS name
          FROM jobs) AS named
    WHERE starts_with(name, %s) ORDER BY number DESC LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class NewestJob:
    """A job's id, and when it was stored."""

    id: str
    created_at: datetime | None

    @property
    def made(self) -> str:
        """When it was stored, for people; empty if not recorded."""
        return "" if self.created_at is None else f"{self.created_at.astimezone(UTC):%Y-%m-%d %H:%M UTC}"


def newest_jobs(connection: Connection, beginning: str, limit: int = 100) -> tuple[NewestJob, ...]:
    """Return jobs whose ids begin like this, newest first; none if there are no tables of jobs."""
    schema = detect_schema(connection)
    if schema not in ("beacon", "legacy"):
        return ()
    with reading(connection), connection.cursor(row_factory=class_row(NewestJob)) as cursor:
        return tuple(cursor.execute(_LEGACY if schema == "legacy" else _BEACON, [beginning, limit]).fetchall())
