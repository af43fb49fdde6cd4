"""Finds a job in either system's tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from psycopg import sql
from psycopg.rows import dict_row

from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.console.redaction import without_credentials
from beacon_cli.errors import JobNotFound
from beacon_cli.records.job_regions import job_regions
from beacon_cli.records.snapshot import Connection
from beacon_cli.store.connect import translated
from beacon_cli.store.migrate import require_current_schema
from beacon_cli.store.schema import READING_LEGACY, detect_schema, facts_of, require_rights
from modal_deployment.regions import Regions

Schema = Literal["beacon", "legacy"]

# Where the old system may store the job as submitted; its tables changed over time.
_SPEC_COLUMNS = ("jobspec_data", "jobspec", "spec", "job_spec", "data")
_MAX_ID = 255
LAST = "@last"
"""Stands for the newest job, on a terminal and only for reading jobs: see `stored_jobs/choose.py`."""
_NEAR_AMONG = 1000


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A stored job. `key` is what its rows refer to; `columns` are those of `executions`.

    `spec` never holds the signatures of the old system's jobs. `batching` is None if the job does not say it. `regions`
    are those by which its rows are read: the known ones, and its own.
    """

    schema: Schema
    id: str
    key: str | int
    spec: Any
    batching: str | None
    questions_stored: bool
    columns: Mapping[str, str]
    regions: Regions


def find_job(connection: Connection, job_id: str, *, regions: Regions) -> StoredJob:
    """Return the job; `regions` are the known ones.

    Raises `JobNotFound`, with similar ids, or `SchemaError` for other tables.
    """
    legacy = detect_schema(connection) == "legacy"
    if legacy:
        require_rights(facts_of(connection, READING_LEGACY))
    else:
        require_current_schema(connection)
    job = None
    with translated():
        if storable(job_id):
            find = _find_legacy if legacy else _find_beacon
            job = find(connection, job_id, regions)
        newest = [] if job is not None else _newest_ids(connection, legacy=legacy)
    return job or _not_found(job_id, newest)


def _find_beacon(connection: Connection, job_id: str, regions: Regions) -> StoredJob | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT spec, batching, EXISTS (SELECT FROM questions WHERE job_id = jobs.id) AS questions_stored"
            " FROM jobs WHERE id = %s",
            [job_id],
        ).fetchone()
    if row is None:
        return None
    spec = without_credentials(row.pop("spec"))
    own = job_regions(spec, regions)
    return StoredJob(schema="beacon", id=job_id, key=job_id, spec=spec, columns={}, regions=own, **row)


def _find_legacy(connection: Connection, job_id: str, regions: Regions) -> StoredJob | None:
    spec = next((name for name in _SPEC_COLUMNS if name in _columns(connection, "jobs")), None)
    query = sql.SQL("SELECT jobspec_id::text, id, {}::text FROM jobs WHERE {} LIMIT 1")
    stored = sql.Identifier(spec) if spec else sql.NULL
    row = connection.execute(query.format(stored, sql.SQL("jobspec_id = %s")), [job_id]).fetchone()
    if row is None and job_id.isascii() and job_id.isdigit() and int(job_id) < 2**31:
        row = connection.execute(query.format(stored, sql.SQL("id = %s")), [int(job_id)]).fetchone()
    if row is None:
        return None
    name, key, text = row
    columns = _columns(connection, "executions")
    return StoredJob(
        schema="legacy",
        id=name or job_id,
        key=key,
        spec=_parsed(text),
        batching=None,
        questions_stored=False,
        columns=columns,
        regions=regions,
    )


def _parsed(text: str | None) -> Any:
    try:
        return without_credentials(json.loads(text or "null"))
    except (ValueError, RecursionError):
        return None


def _columns(connection: Connection, table: str) -> dict[str, str]:
    return dict(
        connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = ANY (current_schemas(false)) AND table_name = %s",
            [table],
        ).fetchall()
    )


def storable(job_id: str) -> bool:
    """Return whether PostgreSQL could store such an id: no NUL, no lone surrogate."""
    try:
        job_id.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in job_id


def _newest_ids(connection: Connection, *, legacy: bool) -> list[str]:
    query = "SELECT jobspec_id::text FROM jobs ORDER BY id DESC LIMIT %s"
    if not legacy:
        query = "SELECT id FROM jobs ORDER BY created_at DESC LIMIT %s"
    return [row[0] for row in connection.execute(query, [_NEAR_AMONG]).fetchall() if row[0]]


def _not_found(job_id: str, newest: list[str]) -> NoReturn:
    import difflib

    near = difflib.get_close_matches(job_id[:_MAX_ID], (name[:_MAX_ID] for name in newest), n=3)
    near += [name for name in newest if job_id and name.startswith(job_id) and name not in near][: 3 - len(near)]
    shown = ", ".join(excerpt(name, _MAX_ID) for name in near or newest[:3])
    hint = f"did you mean {shown}?" if near else f"the newest are {shown};"
    hint = f"{hint} {command('jobs')} lists them all" if shown else "there are no jobs in this database yet"
    if job_id == LAST:
        hint = f"{LAST} means the newest job only on a terminal; {hint}"
    raise JobNotFound(f"no job '{excerpt(job_id)}' in this database", hint=hint)
