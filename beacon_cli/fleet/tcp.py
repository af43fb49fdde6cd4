"""The fleet's database: a PostgreSQL that other machines can reach."""

from __future__ import annotations

import os

import psycopg
from psycopg import sql

from beacon_cli.errors import SchemaError, StoreError
from beacon_cli.extras import require
from beacon_cli.program_name import command
from beacon_cli.settings import Settings
from beacon_cli.store.address import address_of, quoted
from beacon_cli.store.connect import connect, translated
from beacon_cli.store.database import named_database, named_url
from beacon_cli.store.migrate import require_current_schema, require_ready_for_a_run
from beacon_cli.store.schema import GRANTS_HINT, READING, WRITING, Connection

_HINT = (
    "set BEACON_DATABASE_URL (or --database-url) to postgresql://user:password@host:5432/name,"
    f" then run: {command('db migrate --fleet')}"
)
_TABLES = ("fleet_workers", "fleet_caps", "fleet_calls")
_READING = {**READING, **dict.fromkeys(_TABLES, "SELECT")}
_WRITING = {**WRITING, **dict.fromkeys(_TABLES, "SELECT, INSERT, UPDATE, DELETE")}
# By the catalogue: to_regclass fails where the role may not look into the schema.
_QUEUE = """
SELECT current_user, current_schema(), has_schema_privilege(schema.oid, 'USAGE'), obj_description(schema.oid),
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
SELECT current_user, current_database(), current_schema(), schema.oid IS NOT NULL, obj_description(schema.oid),
       CASE WHEN schema.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
            ELSE has_schema_privilege(schema.oid, 'USAGE') AND has_schema_privilege(schema.oid, 'CREATE') END,
       ARRAY(SELECT relname::text FROM pg_class WHERE relnamespace = schema.oid AND relkind IN ('r', 'p'))
FROM (SELECT) AS one LEFT JOIN pg_namespace AS schema ON schema.nspname = 'dbos'
"""
_OURS = "SELECT EXISTS (SELECT FROM dbos.queues WHERE name = 'beacon_jobs')"
# Of the queue's table, those that the fleet's own statements use.
_COLUMNS = frozenset(
    {"workflow_uuid", "status", "queue_name", "deduplication_id", "executor_id", "application_version", "attributes"}
)
_NOTE = "the queue of Beacon's tables in the schema "
_MIGRATE = f"run: {command('db migrate --fleet')}"


def fleet_database(
    settings: Settings, url: str | None = None, *, reading: bool = False, clock_must_agree: bool = False
) -> str:
    """Return the URL of the fleet's database, with the tables of this program and what the role needs for them.

    Raises `MissingExtra`, `StoreError` for the embedded database or one behind a socket, `SchemaError`; and
    `EnvironmentFault` where this machine's clock is wrong by minutes and must not be.
    """
    require("fleet", "dbos")
    address = over_tcp(named_url(settings, url))
    named = named_database(settings, url)
    assert named is not None  # over_tcp said so
    with named.blamed():
        named.announce()
        _require_fleet(address, reading=reading, clock_must_agree=clock_must_agree)
    return address


def _require_fleet(url: str, *, reading: bool, clock_must_agree: bool) -> None:
    with connect(url) as connection:
        if reading:
            require_current_schema(connection, _READING)
        else:
            require_ready_for_a_run(connection, _WRITING, clock_must_agree=clock_must_agree)
        _require_queue(connection, ["SELECT"] if reading else ["SELECT", "INSERT", "UPDATE", "DELETE"])


def create_queue_tables(url: str | None) -> None:
    """Create the queue's tables, or bring them up to date. Raises `StoreError` where a fleet could not use them."""
    require("fleet", "dbos")
    from beacon_cli.fleet.dbos_queue import create_tables

    named = over_tcp(url)
    with connect(named) as connection:
        schema = _require_creating(connection)
        with translated():
            connection.execute("CREATE SCHEMA IF NOT EXISTS dbos")
            _note(connection, schema)
        create_tables(named)


def is_tcp(url: str) -> bool:
    """Whether a database is reached over TCP, as other machines would. Raises `StoreError` for an unusable URL."""
    parameters = address_of(url, statement_timeout="0").parameters
    host = parameters.get("hostaddr") or parameters.get("host") or os.environ.get("PGHOST", "")
    return bool(host) and not host.startswith("/")


def over_tcp(url: str | None) -> str:
    """Return the URL. Raises `StoreError` for the embedded database, and for one behind a socket."""
    if url is None:
        raise StoreError("the embedded database serves one machine; a fleet needs a PostgreSQL over TCP", hint=_HINT)
    if not is_tcp(url):
        raise StoreError("this database is reached through a socket; a fleet needs a PostgreSQL over TCP", hint=_HINT)
    return url


def _require_queue(connection: Connection, privileges: list[str]) -> None:
    with translated(), connection.pipeline():  # one round trip
        queue, lacked = connection.execute(_QUEUE), connection.execute(_LACKING, [privileges])
    found, lacking = queue.fetchone(), lacked.fetchone()
    if found is None or (found[2] and not found[5]):
        raise SchemaError("this database has no queue yet", hint=_MIGRATE)
    role, schema, may_use, note, columns, _ = found
    _require_own_queue(note, schema)
    if not may_use:
        raise StoreError(f"the database role {role} lacks a privilege: USAGE on the schema dbos", hint=GRANTS_HINT)
    if missing := _COLUMNS.difference(columns or ()):
        raise SchemaError(
            f"the table dbos.workflow_status is old, or another program's: it lacks {', '.join(sorted(missing))}",
            hint=f"{_MIGRATE}; if another program uses the schema dbos, give the fleet a database of its own",
        )
    if lacking is not None:
        raise StoreError(
            f"the database role {role} lacks a privilege: {lacking[1]} on dbos.{lacking[0]}", hint=GRANTS_HINT
        )


def _require_own_queue(note: str | None, schema: str) -> None:
    """One queue, one set of tables: else a worker takes jobs that its own tables do not have."""
    if note is not None and note.startswith(_NOTE) and note != _NOTE + schema:
        raise SchemaError(
            f"the queue of this database belongs to the tables in the schema {note.removeprefix(_NOTE)}, not {schema}",
            hint="give the fleet a database of its own, or set BEACON_DATABASE_SCHEMA to that schema",
        )


def _require_creating(connection: Connection) -> str:
    """Return the schema of Beacon's tables. Raises `StoreError` where the role may not create the queue's."""
    with translated():
        [(role, database, schema, exists, note, may_create, tables)] = connection.execute(_CREATING).fetchall()
    _require_own_queue(note, schema)
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
    if tables and note is None and not _has_our_queue(connection, tables):
        raise SchemaError(
            "the schema dbos, where the queue belongs, has tables of another program",
            hint="give the fleet a database of its own",
        )
    return str(schema)


def _has_our_queue(connection: Connection, tables: list[str]) -> bool:
    if "queues" not in tables:
        return False
    try:
        [(ours,)] = connection.execute(_OURS).fetchall()
    except psycopg.errors.Error:
        return False
    return bool(ours)


def _note(connection: Connection, schema: str) -> None:
    """Write down whose queue it is, where the role may."""
    note = sql.Literal(_NOTE + schema)
    try:
        connection.execute(sql.SQL("COMMENT ON SCHEMA dbos IS {}").format(note))
    except psycopg.errors.InsufficientPrivilege:
        return
