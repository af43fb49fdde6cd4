"""Checks a database before it is used: whose tables it has, and what the role may do with them."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg import sql

from beacon_cli.clocks import clock_problem, seconds_ahead
from beacon_cli.console.formatting import duration
from beacon_cli.console.program_name import command
from beacon_cli.errors import EnvironmentFault, SchemaError, StoreError
from beacon_cli.store.address import quoted
from beacon_cli.store.connect import translated

Schema = Literal["empty", "beacon", "legacy", "foreign"]
Connection = psycopg.Connection[Any]

OLDEST_VERSION = 14
"""The oldest PostgreSQL that Beacon writes to: the tests run on it, and older ones get no more fixes."""

READING: Mapping[str, str] = dict.fromkeys(
    ("jobs", "questions", "runs", "executions", "superseded_executions", "_yoyo_migration"), "SELECT"
)
"""The privileges for commands that only read, by table."""

READING_LEGACY: Mapping[str, str] = dict.fromkeys(("jobs", "executions"), "SELECT")
"""The same for the old system's tables."""

WRITING: Mapping[str, str] = {
    "jobs": "SELECT, INSERT, UPDATE",
    "questions": "SELECT, INSERT",
    "runs": "SELECT, INSERT, UPDATE",
    "executions": "SELECT, INSERT, UPDATE",
    "superseded_executions": "SELECT",
    "_yoyo_migration": "SELECT",
}
"""The privileges for running a job."""

ASKING_AGAIN: Mapping[str, str] = {**WRITING, "superseded_executions": "SELECT, INSERT"}
"""The privileges for running a job that asks answered cells again."""

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
# All checks before the first question, in one round trip: a database may be far away.
_FACTS = f"""
SELECT current_setting('transaction_read_only') = 'on', pg_is_in_recovery(), current_setting('server_encoding'),
       current_database(), current_user, extract(epoch FROM clock_timestamp())::float8,
       ARRAY(SELECT jsonb_build_array(relname, attname, type) FROM ({_COLUMNS}) AS found (relname, attname, type)),
       ARRAY({_LACKING})
"""

LONGEST_CLOCK_DIFFERENCE_SECONDS = 300.0
"""Beyond this difference a worker of the fleet does not start: all workers must use the same times."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about a database. `lacking` are the privileges that the role lacks; `ahead` is in seconds.

    `ahead` says by how much this machine's clock is ahead of the database's.
    """

    version: int
    read_only: bool
    standby: bool
    encoding: str
    database: str
    role: str
    schema: Schema
    lacking: tuple[str, ...]
    ahead: float


def facts_of(connection: Connection, rights: Mapping[str, str]) -> Facts:
    """Return the facts about a database and the lacking rights, in one round trip. Raises `StoreError`."""
    began = time.time()
    with translated():
        [row] = connection.execute(_FACTS, [list(rights), list(rights.values())]).fetchall()
    read_only, standby, encoding, database, role, clock, columns, lacking = row
    ahead = seconds_ahead(began, clock, time.time())
    schema = _schema_of({(table, column): kind for table, column, kind in columns})
    version = connection.info.server_version
    return Facts(version, read_only, standby, encoding, database, role, schema, tuple(lacking), ahead)


def detect_schema(connection: Connection) -> Schema:
    """Return whose tables the database has: ours, the old system's, another program's, or none."""
    with translated():
        return _schema_of({(table, column): kind for table, column, kind in connection.execute(_COLUMNS).fetchall()})


def _schema_of(columns: Mapping[tuple[str, str], str]) -> Schema:
    if not columns:
        return "empty"
    if ("jobs", "jobspec_id") in columns or columns.get(("executions", "job_id")) in {"integer", "bigint"}:
        return "legacy"
    return "beacon" if ("jobs", "spec_sha256") in columns else "foreign"


def require_supported(facts: Facts) -> None:
    """Raise `StoreError` for a server that Beacon does not write to: too old, without UTF-8, or read-only."""
    if facts.version < OLDEST_VERSION * 10000:
        shown = f"{facts.version // 10000}.{facts.version % 10000}"
        raise StoreError(
            f"the server is PostgreSQL {shown}; Beacon writes only to version {OLDEST_VERSION} and newer",
            hint="use another database, or update that server; commands that only read may still work",
        )
    require_unicode(facts)
    if facts.read_only:
        why = "its server is a standby" if facts.standby else "default_transaction_read_only is on"
        raise StoreError(
            f"the database is read-only: {why}", hint="connect to the primary, or as a role that may write"
        )


def require_unicode(facts: Facts) -> None:
    """Raise `StoreError` for a database whose encoding lacks characters."""
    if facts.encoding != "UTF8":
        raise StoreError(
            f"the database {facts.database} has the encoding {facts.encoding}, which cannot hold every answer",
            hint="create another: CREATE DATABASE beacon ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0",
        )


def look_at_clock(facts: Facts, *, must_agree: bool = False) -> None:
    """Warn if this machine's clock and the database's differ: the times in the rows would be wrong.

    Raises `EnvironmentFault` if they differ by minutes and `must_agree`.
    """
    if (difference := clock_problem(facts.ahead, "the database's")) is None:
        return
    if must_agree and abs(facts.ahead) > LONGEST_CLOCK_DIFFERENCE_SECONDS:
        limit = duration(LONGEST_CLOCK_DIFFERENCE_SECONDS)
        raise EnvironmentFault(
            f"{difference}; a worker requires a difference below {limit}", hint="set the clock, by NTP for example"
        )
    _log.warning("warning: %s, so the times in the rows will be wrong", difference)


def require_rights(facts: Facts) -> None:
    """Raise `StoreError`, with the role and what it lacks, unless it has the required privileges."""
    if facts.lacking:
        named = "; ".join(facts.lacking)
        raise StoreError(f"the database role {facts.role} lacks a privilege: {named}", hint=GRANTS_HINT)


GRANTS_HINT = f"the owner of the tables can grant it; {command('docs database')} lists what each command needs"


def require_open_schema(connection: Connection) -> None:
    """Raise `StoreError` if a schema in the search path exists, but the role may not use it."""
    with translated():
        [(role, path)] = connection.execute("SELECT current_user, current_setting('search_path')").fetchall()
        names = schema_names(path, role)
        closed = [name for (name,) in connection.execute(_CLOSED, [names, names]).fetchall()]
    if closed:
        raise StoreError(
            f"the database role {role} lacks a privilege: USAGE on the schema {', '.join(closed)}", hint=GRANTS_HINT
        )


def schema_names(search_path: str, role: str) -> list[str]:
    """Return the schemas in a search path; `$user` stands for the role's own."""
    found = re.findall(r'"((?:[^"]|"")*)"|([^\s,"]+)', search_path)
    names = (quoted.replace('""', '"') if quoted else plain.lower() for quoted, plain in found)
    return [role if name == "$user" else name for name in names]


def create_schema(connection: Connection) -> None:
    """Create the first schema of the search path, if none of them exists.

    Raises `StoreError` if the role may not, and psycopg's errors.
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
    """Raise `SchemaError` if the tables belong to a role of which this one is not a member: it cannot change them."""
    with translated():
        owners = connection.execute(
            "SELECT DISTINCT current_user, relowner::regrole::text FROM unnest(%s::text[]) AS name"
            " JOIN pg_class ON oid = to_regclass(quote_ident(name)) WHERE NOT pg_has_role(relowner, 'USAGE')",
            [list(READING)],
        ).fetchall()
    for role, owner in owners:
        raise SchemaError(f"the tables belong to the role {owner}, not to {role}", hint=f"migrate as {owner}")
