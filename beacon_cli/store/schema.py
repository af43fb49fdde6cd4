"""What a database is, before anything is asked of it: whose tables it has, and what the role may do with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

import psycopg
from psycopg import sql

from beacon_cli.errors import SchemaError, StoreError
from beacon_cli.program_name import command
from beacon_cli.store.address import quoted
from beacon_cli.store.connect import translated

Schema = Literal["empty", "beacon", "legacy", "foreign"]
Connection = psycopg.Connection[Any]

OLDEST_VERSION = 14
"""The oldest PostgreSQL that Beacon writes to: the tests run on it, and older ones get no fixes any more."""

READING: Mapping[str, str] = dict.fromkeys(("jobs", "questions", "runs", "executions", "_yoyo_migration"), "SELECT")
"""What commands that only read need, by table."""

READING_LEGACY: Mapping[str, str] = dict.fromkeys(("jobs", "executions"), "SELECT")
"""The same for the old system's tables."""

WRITING: Mapping[str, str] = {
    "jobs": "SELECT, INSERT, UPDATE",
    "questions": "SELECT, INSERT",
    "runs": "SELECT, INSERT, UPDATE",
    "executions": "SELECT, INSERT, UPDATE",
    "_yoyo_migration": "SELECT",
}
"""What running a job needs."""

# Not information_schema, which shows a role only what it may use.
_COLUMNS = """
SELECT class.relname, attribute.attname, format_type(attribute.atttypid, NULL)
FROM pg_class AS class
JOIN pg_namespace AS schema ON schema.oid = class.relnamespace
JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid
WHERE schema.nspname = ANY (current_schemas(false)) AND class.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND class.relname IN ('jobs', 'executions', 'questions', 'runs')
  AND attribute.attnum > 0 AND NOT attribute.attisdropped
"""
_LACKING = """
SELECT privileges || ' on ' || string_agg(relation, ', ' ORDER BY relation)
FROM (
    SELECT relation, string_agg(privilege, ', ' ORDER BY position) AS privileges
    FROM unnest(%s::text[], %s::text[]) AS wanted (relation, privileges),
         unnest(string_to_array(privileges, ', ')) WITH ORDINALITY AS each (privilege, position)
    WHERE NOT has_table_privilege(to_regclass(quote_ident(relation)), privilege)
    GROUP BY relation
) AS lacking
GROUP BY privileges ORDER BY privileges
"""
_CLOSED = """
SELECT nspname FROM pg_namespace
WHERE nspname = ANY (%s) AND NOT has_schema_privilege(oid, 'USAGE') ORDER BY array_position(%s, nspname::text)
"""
_STATE = """
SELECT current_setting('transaction_read_only') = 'on', pg_is_in_recovery(), current_setting('server_encoding'),
       current_database()
"""


def detect_schema(connection: Connection) -> Schema:
    """Return whose tables the database holds: ours, the old system's, somebody else's, or none."""
    with translated():
        columns = {(table, column): kind for table, column, kind in connection.execute(_COLUMNS).fetchall()}
    if not columns:
        return "empty"
    if ("jobs", "jobspec_id") in columns or columns.get(("executions", "job_id")) in {"integer", "bigint"}:
        return "legacy"
    return "beacon" if ("jobs", "spec_sha256") in columns else "foreign"


def require_supported(connection: Connection) -> None:
    """Raise `StoreError` for a server that Beacon does not write to: too old, without UTF-8, or read-only."""
    with translated():
        [(read_only, standby, encoding, database)] = connection.execute(_STATE).fetchall()
    version = connection.info.server_version
    if version < OLDEST_VERSION * 10000:
        shown = f"{version // 10000}.{version % 10000}"
        raise StoreError(
            f"the server is PostgreSQL {shown}; Beacon writes to version {OLDEST_VERSION} and newer ones",
            hint="give another database, or update that server; commands that only read may work there",
        )
    if encoding != "UTF8":
        raise StoreError(
            f"the database {database} has the encoding {encoding}, which cannot hold every answer",
            hint="make another: CREATE DATABASE beacon ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0",
        )
    if read_only:
        why = "its server is a standby" if standby else "default_transaction_read_only is on"
        raise StoreError(
            f"the database is read-only: {why}", hint="connect to the primary, or as a role that may write"
        )


def require_rights(connection: Connection, wanted: Mapping[str, str]) -> None:
    """Raise `StoreError`, naming the role and what it lacks, unless it has these privileges on these tables."""
    with translated():
        lacking = connection.execute(_LACKING, [list(wanted), list(wanted.values())]).fetchall()
        if lacking:
            [(role,)] = connection.execute("SELECT current_user").fetchall()
    if lacking:
        named = "; ".join(text for (text,) in lacking)
        raise StoreError(f"the database role {role} lacks a privilege: {named}", hint=GRANTS_HINT)


GRANTS_HINT = f"the owner of the tables can grant it; {command('docs database')} lists what each command needs"


def require_open_schema(connection: Connection) -> None:
    """Raise `StoreError` where a schema of the search path exists, and the role may not look into it."""
    with translated():
        [(role, path)] = connection.execute("SELECT current_user, current_setting('search_path')").fetchall()
        names = schema_names(path, role)
        closed = [name for (name,) in connection.execute(_CLOSED, [names, names]).fetchall()]
    if closed:
        raise StoreError(
            f"the database role {role} lacks a privilege: USAGE on the schema {', '.join(closed)}", hint=GRANTS_HINT
        )


def schema_names(search_path: str, role: str) -> list[str]:
    """Return the schemas that a search path names; `$user` stands for the role's own."""
    found = re.findall(r'"((?:[^"]|"")*)"|([^\s,"]+)', search_path)
    names = (quoted.replace('""', '"') if quoted else plain.lower() for quoted, plain in found)
    return [role if name == "$user" else name for name in names]


def create_schema(connection: Connection) -> None:
    """Create the first schema of the search path, where none of them exists.

    Raises `StoreError` where the role may not. Errors of psycopg pass.
    """
    [(current, role, path, database, may_create)] = connection.execute(
        "SELECT current_schema(), current_user, current_setting('search_path'), current_database(),"
        " has_database_privilege(current_database(), 'CREATE')"
    ).fetchall()
    names = schema_names(path, role)
    if current is not None or not names:
        return
    require_open_schema(connection)
    if not may_create:
        raise StoreError(
            f"the database role {role} may not create the schema {names[0]} in the database {database}",
            hint=f"its owner can: CREATE SCHEMA {quoted(names[0])} AUTHORIZATION {quoted(role)}",
        )
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(names[0])))


def require_own_tables(connection: Connection) -> None:
    """Raise `SchemaError` where the tables belong to a role that this one is no member of: it cannot change them."""
    with translated():
        owners = connection.execute(
            "SELECT DISTINCT current_user, relowner::regrole::text FROM unnest(%s::text[]) AS name"
            " JOIN pg_class ON oid = to_regclass(quote_ident(name)) WHERE NOT pg_has_role(relowner, 'USAGE')",
            [list(READING)],
        ).fetchall()
    for role, owner in owners:
        raise SchemaError(f"the tables belong to the role {owner}, not to {role}", hint=f"migrate as {owner}")
