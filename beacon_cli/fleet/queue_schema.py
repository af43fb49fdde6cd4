"""The tables of the fleet's queue, in the schema `dbos`: whose they are, what the role may do there, making them."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from beacon_cli.errors import SchemaError, StoreError
from beacon_cli.program_name import command
from beacon_cli.store.address import quoted
from beacon_cli.store.connect import connect, translated
from beacon_cli.store.schema import GRANTS_HINT, Connection

MIGRATE_HINT = f"run: {command('db migrate --fleet')}"

# By the catalogue: to_regclass fails where the role may not look into the schema.
_FOUND = """
SELECT current_user, current_schema(), has_schema_privilege(schema.oid, 'USAGE'),
       obj_description(schema.oid, 'pg_namespace'),
       (SELECT array_agg(attname::text) FROM pg_attribute
        WHERE attrelid = queue.oid AND NOT attisdropped AND atttypid IN ('text'::regtype, 'jsonb'::regtype)),
       queue.oid IS NOT NULL
FROM pg_namespace AS schema
LEFT JOIN pg_class AS queue ON queue.relnamespace = schema.oid AND queue.relname = 'workflow_status'
WHERE schema.nspname = 'dbos'
"""
_LACKING = """
SELECT class.relname, string_agg(privilege, ', ' ORDER BY privilege)
FROM pg_class AS class JOIN pg_namespace AS schema ON schema.oid = relnamespace, unnest(%s::text[]) AS privilege
WHERE nspname = 'dbos' AND relkind = 'r' AND NOT has_table_privilege(class.oid, privilege)
GROUP BY class.relname ORDER BY class.relname LIMIT 1
"""
_CREATING = """
SELECT current_user, current_database(), current_schema(), schema.oid IS NOT NULL,
       obj_description(schema.oid, 'pg_namespace'),
       CASE WHEN schema.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
            ELSE has_schema_privilege(schema.oid, 'USAGE') AND has_schema_privilege(schema.oid, 'CREATE') END,
       EXISTS (SELECT FROM pg_class WHERE relnamespace = schema.oid AND relkind IN ('r', 'p'))
FROM (SELECT) AS one LEFT JOIN pg_namespace AS schema ON schema.nspname = 'dbos'
"""
_OURS = "SELECT EXISTS (SELECT FROM dbos.queues WHERE name = 'beacon_jobs')"
# Of the queue's table, those that the fleet's own statements use.
_COLUMNS = frozenset(
    {"workflow_uuid", "status", "queue_name", "deduplication_id", "executor_id", "application_version", "attributes"}
)
# A comment on the schema says whose queue it is; those of earlier versions have none.
_NOTE = "the queue of Beacon's tables in the schema "


def require_queue(connection: Connection, privileges: Sequence[str]) -> None:
    """Raise `SchemaError` unless there is a queue of these tables, `StoreError` where the role lacks a privilege."""
    with translated(), connection.pipeline():  # one round trip
        queue, lacked = connection.execute(_FOUND), connection.execute(_LACKING, [list(privileges)])
    found, lacking = queue.fetchone(), lacked.fetchone()
    if found is None or (found[2] and not found[5]):
        raise SchemaError("this database has no queue yet", hint=MIGRATE_HINT)
    role, schema, may_use, note, columns, _ = found
    _require_own(note, schema)
    if not may_use:
        raise StoreError(f"the database role {role} lacks a privilege: USAGE on the schema dbos", hint=GRANTS_HINT)
    if missing := _COLUMNS.difference(columns or ()):
        raise SchemaError(
            f"the table dbos.workflow_status is old, or another program's: it lacks {', '.join(sorted(missing))}",
            hint=f"{MIGRATE_HINT}; if another program uses the schema dbos, give the fleet a database of its own",
        )
    if lacking is not None:
        raise StoreError(
            f"the database role {role} lacks a privilege: {lacking[1]} on dbos.{lacking[0]}", hint=GRANTS_HINT
        )
    if note is None and not _holds_our_queue(connection):
        raise SchemaError("this database has no queue of Beacon's yet", hint=MIGRATE_HINT)


def create_queue(url: str) -> None:
    """Create the queue's tables, or bring them up to date. Raises `StoreError` where that cannot be."""
    from beacon_cli.fleet.dbos_queue import create_tables

    with connect(url) as connection:
        schema, exists = _require_creating(connection)
        with translated():
            if not exists:  # PostgreSQL wants the privilege for IF NOT EXISTS, too
                connection.execute("CREATE SCHEMA IF NOT EXISTS dbos")
            _note(connection, schema)
        create_tables(url)


def _require_creating(connection: Connection) -> tuple[str, bool]:
    """Return the schema of Beacon's tables, and whether the queue's exists. Raises `StoreError`."""
    with translated():
        [(role, database, schema, exists, note, may_create, has_tables)] = connection.execute(_CREATING).fetchall()
    _require_own(note, schema)
    if not may_create and not exists:
        raise StoreError(
            f"the database role {role} may not create the schema dbos, for the queue, in the database {database}",
            hint=f"its owner can: CREATE SCHEMA dbos AUTHORIZATION {quoted(role)}; then run this again",
        )
    if not may_create:
        raise StoreError(
            f"the database role {role} lacks a privilege: it may not create tables in the schema dbos",
            hint=f"the owner of that schema can: GRANT CREATE, USAGE ON SCHEMA dbos TO {quoted(role)}",
        )
    if has_tables and note is None and not _holds_our_queue(connection):
        raise SchemaError(
            "the schema dbos, where the queue belongs, has tables of another program",
            hint="give the fleet a database of its own",
        )
    return str(schema), bool(exists)


def _require_own(note: str | None, schema: str) -> None:
    """One queue, one set of tables: else a worker takes jobs that its own tables do not have."""
    if note is not None and note.startswith(_NOTE) and note != _NOTE + schema:
        raise SchemaError(
            f"the queue of this database belongs to the tables in the schema {note.removeprefix(_NOTE)}, not {schema}",
            hint="give the fleet a database of its own, or set BEACON_DATABASE_SCHEMA to that schema",
        )


def _holds_our_queue(connection: Connection) -> bool:
    try:
        [(ours,)] = connection.execute(_OURS).fetchall()
    except psycopg.Error:  # no such table, or not ours to read
        return False
    return bool(ours)


def _note(connection: Connection, schema: str) -> None:
    """Write down whose queue it is, where the role may."""
    try:
        connection.execute(sql.SQL("COMMENT ON SCHEMA dbos IS {}").format(sql.Literal(_NOTE + schema)))
    except psycopg.errors.InsufficientPrivilege:
        return
