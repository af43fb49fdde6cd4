"""The tables of the fleet's queue, in their own schema: whose they are, privileges, and creating them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from beacon_cli.console.formatting import quantity
from beacon_cli.console.program_name import command
from beacon_cli.errors import SchemaError, StoreError
from beacon_cli.store.address import quoted
from beacon_cli.store.connect import connect, translated
from beacon_cli.store.queries import query
from beacon_cli.store.schema import GRANTS_HINT, Connection

QUEUE_SCHEMA = "beacon_queue"
"""The schema of Procrastinate's tables, and of Beacon's tables next to them."""

MIGRATE_HINT = f"run: {command('db migrate --fleet')}"

_ANOTHER_PROGRAM_HINT = "give the fleet a database of its own"
# From the catalogue: to_regclass fails if the role has no access to the schema.
_FOUND = """
SELECT current_user, current_schema(), has_schema_privilege(schema.oid, 'USAGE'),
       obj_description(schema.oid, 'pg_namespace'),
       ARRAY(SELECT relname::text FROM pg_class WHERE relnamespace = schema.oid AND relkind IN ('r', 'p'))
FROM pg_namespace AS schema WHERE nspname = 'beacon_queue'
"""
_LACKING = """
SELECT class.relname, string_agg(privilege, ', ' ORDER BY privilege)
FROM pg_class AS class JOIN pg_namespace AS schema ON schema.oid = relnamespace, unnest(%s::text[]) AS privilege
WHERE nspname = 'beacon_queue' AND relkind = 'r' AND NOT has_table_privilege(class.oid, privilege)
GROUP BY class.relname ORDER BY class.relname LIMIT 1
"""
_CREATING = """
SELECT current_user, current_database(), current_schema(), schema.oid IS NOT NULL,
       obj_description(schema.oid, 'pg_namespace'),
       CASE WHEN schema.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
            ELSE has_schema_privilege(schema.oid, 'USAGE') AND has_schema_privilege(schema.oid, 'CREATE') END,
       ARRAY(SELECT relname::text FROM pg_class WHERE relnamespace = schema.oid AND relkind IN ('r', 'p'))
FROM (SELECT) AS one LEFT JOIN pg_namespace AS schema ON schema.nspname = 'beacon_queue'
"""
# A comment on the schema says whose queue it is, if the role may write one.
_NOTE = "the queue of Beacon's tables in the schema "
# How to distinguish the queue's tables from those of another program.
_OURS = "beacon_migrations"
_APPLIED = "SELECT name FROM beacon_queue.beacon_migrations"
_NOTE_APPLIED = "INSERT INTO beacon_queue.beacon_migrations (name) VALUES (%s)"
# One migration at a time; the lock is freed with the connection.
_LOCK = "SELECT pg_advisory_lock(hashtextextended('beacon queue tables', 0))"
# Beacon 0.1 kept its queue there, with DBOS.
_LEFT_BEHIND = """
SELECT deduplication_id FROM dbos.workflow_status
WHERE queue_name = 'beacon_jobs' AND status IN ('ENQUEUED', 'PENDING', 'DELAYED') ORDER BY created_at
"""
_NAMED_AT_MOST = 5


def require_queue(connection: Connection, privileges: Sequence[str]) -> None:
    """Raise `SchemaError` unless there is a queue for these tables, `StoreError` if the role lacks a privilege."""
    with translated(), connection.pipeline():  # one round trip
        queue, lacked = connection.execute(_FOUND), connection.execute(_LACKING, [list(privileges)])
    found, lacking = queue.fetchone(), lacked.fetchone()
    if found is None or (found[2] and not found[4]):
        raise SchemaError("this database has no queue yet", hint=MIGRATE_HINT)
    role, schema, may_use, note, tables = found
    _require_own(note, schema, tables)
    if not may_use:
        raise StoreError(
            f"the database role {role} lacks a privilege: USAGE on the schema {QUEUE_SCHEMA}", hint=GRANTS_HINT
        )
    if lacking is not None:
        raise StoreError(
            f"the database role {role} lacks a privilege: {lacking[1]} on {QUEUE_SCHEMA}.{lacking[0]}",
            hint=GRANTS_HINT,
        )
    _require_up_to_date(_applied(connection))


def require_nothing_left_behind(url: str) -> None:
    """Raise `SchemaError` while the queue of Beacon 0.1 has jobs: only that version can finish them."""
    with connect(url) as connection:
        try:
            left = [str(job_id) for (job_id,) in connection.execute(_LEFT_BEHIND).fetchall()]
        except psycopg.errors.ProgrammingError:  # no such table, or another program's
            return
    if left:
        more = f" and {len(left) - _NAMED_AT_MOST} more" if len(left) > _NAMED_AT_MOST else ""
        raise SchemaError(
            f"the queue of Beacon 0.1 (schema dbos) still has {quantity(len(left), 'job')}:"
            f" {', '.join(left[:_NAMED_AT_MOST])}{more}",
            hint="let workers of that version finish them, or cancel them with it; or drop that queue with"
            " DROP SCHEMA dbos CASCADE, and submit the jobs again",
        )


def create_queue(url: str) -> None:
    """Create the queue's tables, or bring them up to date. Raises `StoreError` if that is not possible."""
    with connect(url) as connection, translated():
        connection.execute(_LOCK)
        schema, exists, has_tables = _require_creating(connection)
        if not exists:  # PostgreSQL requires the privilege even for IF NOT EXISTS
            connection.execute(f"CREATE SCHEMA {QUEUE_SCHEMA}".encode())
        _note(connection, schema)
        connection.execute("SELECT set_config('search_path', %s, false)", [QUEUE_SCHEMA])
        if has_tables:
            update_tables(connection)
        else:
            _create_tables(connection)


def _create_tables(connection: Connection) -> None:
    from procrastinate.schema import SchemaManager

    with connection.transaction():
        connection.execute(SchemaManager.get_schema())
        connection.execute(query("fleet", "create_entries"))
        for name in _known():
            connection.execute(_NOTE_APPLIED, [name])


def update_tables(connection: Connection) -> None:
    """Apply Procrastinate's missing migrations to the tables, first in the search path. Raises psycopg's errors."""
    for name, path in sorted(_known().items()):
        if name not in _applied(connection):
            with connection.transaction():  # its own: a new value of an enumeration cannot be used before
                connection.execute(path.read_bytes())
                connection.execute(_NOTE_APPLIED, [name])


def _known() -> dict[str, Path]:
    """Return Procrastinate's migrations by their names, which sort in the order of their application."""
    from procrastinate.schema import SchemaManager

    return {path.stem: path for path in Path(SchemaManager.get_migrations_path()).glob("*.sql")}


def _applied(connection: Connection) -> set[str]:
    with translated():
        return {str(name) for (name,) in connection.execute(_APPLIED).fetchall()}


def _require_up_to_date(applied: set[str]) -> None:
    known = set(_known())
    if known - applied:
        raise SchemaError("the queue's tables are older than this program", hint=MIGRATE_HINT)
    if applied - known:
        raise SchemaError(
            "the queue's tables are newer than this program", hint="install the version of Procrastinate that made them"
        )


def _require_creating(connection: Connection) -> tuple[str, bool, bool]:
    """Return the schema of Beacon's tables, and whether the queue's exists and has tables. Raises `StoreError`."""
    [(role, database, schema, exists, note, may_create, tables)] = connection.execute(_CREATING).fetchall()
    _require_own(note, schema, tables)
    if not may_create and not exists:
        raise StoreError(
            f"the database role {role} may not create the schema {QUEUE_SCHEMA}, for the queue, in the database"
            f" {database}",
            hint=f"its owner can: CREATE SCHEMA {QUEUE_SCHEMA} AUTHORIZATION {quoted(role)}; then run this again",
        )
    if not may_create:
        raise StoreError(
            f"the database role {role} lacks a privilege: it may not create tables in the schema {QUEUE_SCHEMA}",
            hint=f"the owner of that schema can: GRANT CREATE, USAGE ON SCHEMA {QUEUE_SCHEMA} TO {quoted(role)}",
        )
    return str(schema), bool(exists), bool(tables)


def _require_own(note: str | None, schema: str, tables: Sequence[str]) -> None:
    """Require one queue per set of tables: otherwise a worker takes jobs that its own tables do not have."""
    if note is not None and note.startswith(_NOTE) and note != _NOTE + schema:
        raise SchemaError(
            f"the queue of this database belongs to the tables in the schema {note.removeprefix(_NOTE)}, not {schema}",
            hint=f"{_ANOTHER_PROGRAM_HINT}, or set BEACON_DATABASE_SCHEMA to that schema",
        )
    if tables and _OURS not in tables:
        raise SchemaError(
            f"the schema {QUEUE_SCHEMA}, where the queue belongs, has tables of another program",
            hint=_ANOTHER_PROGRAM_HINT,
        )


def _note(connection: Connection, schema: str) -> None:
    """Record whose queue it is, if the role may."""
    comment = sql.SQL("COMMENT ON SCHEMA {} IS {}")
    try:
        connection.execute(comment.format(sql.Identifier(QUEUE_SCHEMA), sql.Literal(_NOTE + schema)))
    except psycopg.errors.InsufficientPrivilege:
        return
