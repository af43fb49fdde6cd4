"""Puts the rows of a bundle into the tables of an empty database, from which all else reads them as from any other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from beacon_cli.bundle import names
from beacon_cli.bundle.parsing import MOST_IN_A_LINE, parsed
from beacon_cli.bundle.unpacking import Unpacking
from beacon_cli.console.printable import excerpt
from beacon_cli.export.columns import SCHEMA_VERSION
from beacon_cli.store.connect import connect
from beacon_cli.store.rows import COLUMNS
from beacon_cli.store.text import storable, storable_json

_EXECUTION = (*COLUMNS, "created_at")
# Every other column of an export has the name of the table's.
_EXPORTED_AS = {"tokens": "tokens_generated"}
_DOCUMENTS = frozenset({"output_data", "receipt_data"})
# Where a run took place is not in a bundle.
_RUN = ("id", "job_id", "started_at", "ended_at", "version", "repeats", "reason", "host", "pid")
_JOB = ("id", "spec", "spec_sha256", "batching", "status", "created_at", "started_at", "completed_at")


class NotRestorable(Exception):
    """A row that no table of Beacon's can hold; the text says in which file."""


def restore(url: str, bundle: Unpacking, job: Mapping[str, Any]) -> None:
    """Store a bundle's job, of which `job` is the document, and all of its rows, in the order of the files.

    Raises `NotRestorable` and `BadZip`.
    """
    row = _mapping(job.get("job"), names.JOB)
    job_id = row.get("id")
    runs = [{**_mapping(run, names.JOB), "job_id": job_id, "host": "", "pid": 0} for run in job.get("runs") or ()]
    with connect(url, statement_timeout="0") as connection:
        _copy(connection, "jobs", _JOB, [{**row, "spec": json.dumps(row.get("spec"))}], file=names.JOB)
        _copy(connection, "runs", _RUN, runs, file=names.JOB)
        questions = (
            {"job_id": job_id, "position": position, **question, "tags": question.get("tags") or []}
            for position, question in enumerate(_objects(bundle, names.QUESTIONS))
        )
        _copy(connection, "questions", ("job_id", "position", "id", "text", "tags"), questions, file=names.QUESTIONS)
        executions = _rows(bundle, names.EXECUTIONS)
        _copy(connection, "executions", _EXECUTION, executions, file=names.EXECUTIONS)
        superseded = _superseded(bundle)
        columns = ("id", *_EXECUTION, "superseded_by")
        _copy(connection, "superseded_executions", columns, superseded, file=names.SUPERSEDED)
        _analyse(connection)


def _copy(
    connection: psycopg.Connection[Any],
    table: str,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    *,
    file: str,
) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    try:
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row([_storable(row.get(name)) for name in columns])
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NotRestorable(f"{file} cannot be read back: {excerpt(reason, 200)}") from error


def _analyse(connection: psycopg.Connection[Any]) -> None:
    """Let the planner know the rows: no autovacuum has seen this database."""
    for table in ("executions", "superseded_executions", "questions"):
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))


def _storable(value: Any) -> Any:
    return storable(value) if isinstance(value, str) else value


def _rows(bundle: Unpacking, name: str) -> Iterator[dict[str, Any]]:
    """Yield executions as rows of a table."""
    for exported in _objects(bundle, name):
        if exported.get("schema_version") != SCHEMA_VERSION:
            raise NotRestorable(f"{name} is of another version than {SCHEMA_VERSION}, which this program reads")
        row = {column: exported.get(_EXPORTED_AS.get(column, column)) for column in _EXECUTION}
        for document in _DOCUMENTS:
            if row[document] is not None:
                row[document] = json.dumps(storable_json(row[document]))
        yield row


def _superseded(bundle: Unpacking) -> Iterator[dict[str, Any]]:
    """Yield replaced executions; nothing is computed from which run replaced each, which the bundle does not say."""
    for number, row in enumerate(_rows(bundle, names.SUPERSEDED), 1):
        yield {**row, "id": number, "superseded_by": row["run_id"]}


def _objects(bundle: Unpacking, name: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(bundle.lines(name), 1):
        try:
            value = parsed(line, MOST_IN_A_LINE)
        except ValueError:
            raise NotRestorable(f"{name}, line {number}: it is not JSON that can be read") from None
        yield _mapping(value, f"{name}, line {number}")


def _mapping(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NotRestorable(f"{where}: it is not an object")
    return value
