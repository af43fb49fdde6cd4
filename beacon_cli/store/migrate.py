"""Brings a database's tables up to date, and checks whether they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from psycopg import sql

from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.errors import SchemaError, StoreError
from beacon_cli.signals import held
from beacon_cli.store.address import address_of, quoted
from beacon_cli.store.connect import connect, open_connection, translated
from beacon_cli.store.job_locks import HOLDERS, HOLDS, work_of
from beacon_cli.store.schema import (
    READING,
    WRITING,
    Connection,
    Facts,
    create_schema,
    detect_schema,
    facts_of,
    look_at_clock,
    require_open_schema,
    require_own_tables,
    require_rights,
    require_supported,
    require_unicode,
)

# yoyo applies a migration in one transaction and records it in another: a process that is killed in between leaves one
# that is applied but not recorded. So each migration can be applied twice (IF NOT EXISTS).
MIGRATIONS = Path(__file__).parent / "migrations"
# One migration at a time per database; the server frees the lock if the process dies.
_ADVISORY_LOCK = 0x626561636F6E  # "beacon"


def known_migrations() -> frozenset[str]:
    """Return the ids of the migrations that this program brings."""
    return frozenset(path.stem for path in MIGRATIONS.glob("*.sql"))


def require_current_schema(connection: Connection, rights: Mapping[str, str] = READING) -> None:
    """Raise `SchemaError` unless the database has exactly the tables that this program knows.

    Raises `StoreError` if the role lacks one of `rights` on them.
    """
    require_current(connection, facts_of(connection, rights))


def require_current(connection: Connection, facts: Facts) -> None:
    """Do the same with what is known of the database already."""
    schema = facts.schema
    if schema == "legacy":
        raise SchemaError(
            "this database belongs to the old system; Beacon only reads it",
            hint=f"{command('check-db')} works on it; use another --database-url to run or migrate",
        )
    if schema == "foreign":
        raise SchemaError(
            "this database has tables named jobs or executions that are not Beacon's",
            hint="use another database, or a separate schema for Beacon: BEACON_DATABASE_SCHEMA=beacon",
        )
    if schema == "empty":
        require_open_schema(connection)
        require_unicode(facts)
        raise SchemaError("this database has no Beacon tables yet", hint=f"run: {command('db migrate')}")
    require_rights(facts)
    applied = _applied(connection)
    if missing := known_migrations() - applied:
        raise SchemaError(
            f"the database's schema is older than this program (not applied: {_listed(missing)})",
            hint=f"run: {command('db migrate')}",
        )
    if unknown := applied - known_migrations():
        raise SchemaError(
            f"the database's schema is newer than this program (unknown: {_listed(unknown)})",
            hint=f"update beacon; {command('db migrate')} cannot downgrade",
        )


def needs_migration(url: str) -> bool:
    """Return whether one of our databases lacks tables that this program knows."""
    with connect(url) as connection:
        return _pending(connection)


def require_ready_for_a_run(
    connection: Connection, rights: Mapping[str, str] = WRITING, *, clock_must_agree: bool = False
) -> None:
    """Check everything that would stop a run later: the server, its tables, the role's privileges, the clocks.

    It takes two round trips. Raises `StoreError`, and `EnvironmentFault` for a clock that is wrong by minutes but must
    agree.
    """
    facts = facts_of(connection, rights)
    require_supported(facts)
    require_current(connection, facts)
    look_at_clock(facts, must_agree=clock_must_agree)


def migrations_to_apply(url: str) -> list[str]:
    """Return the ids of the migrations that `migrate` would apply; nothing is changed.

    Raises `SchemaError` and `StoreError` for a database that `migrate` refuses to look at.
    """
    with connect(url) as connection:
        require_supported(facts_of(connection, READING))
        if detect_schema(connection) == "empty":
            return sorted(known_migrations())
        if not _pending(connection):
            require_current_schema(connection)
            return []
        return sorted(known_migrations() - _applied(connection))


def migrate(url: str) -> list[str]:
    """Apply what is missing and return the ids of what was applied.

    Raises `SchemaError` for the old system's database or a newer version's, and while a job is being run; `StoreError`
    if it cannot be written.
    """
    with connect(url) as connection:
        require_supported(facts_of(connection, READING))
        if detect_schema(connection) in {"legacy", "foreign"}:
            require_current_schema(connection)
        with translated():
            connection.execute("SELECT pg_advisory_lock(%s)", [_ADVISORY_LOCK])
            applied = _migrate(connection, url) if _pending(connection) else []
        require_current_schema(connection)
    return applied


def _pending(connection: Connection) -> bool:
    schema = detect_schema(connection)
    if schema == "beacon":
        require_rights(facts_of(connection, READING))
        return bool(known_migrations() - _applied(connection))
    return schema == "empty"


def _migrate(connection: Connection, url: str) -> list[str]:
    create_schema(connection)
    require_own_tables(connection)
    _require_creating(connection)
    _require_no_running_jobs(connection)
    with held():  # yoyo would continue with a connection that was interrupted in the middle of a query
        return _apply(url)


def _require_no_running_jobs(connection: Connection) -> None:
    """Raise `SchemaError` if a process runs a job: it could no longer store its answers in the changed tables."""
    if detect_schema(connection) == "empty":
        return
    query = sql.SQL("SELECT id, holder FROM jobs AS job JOIN {holders} AS holders ON {holds} ORDER BY id LIMIT 1")
    for job_id, holder in connection.execute(query.format(holders=HOLDERS, holds=HOLDS)).fetchall():
        raise SchemaError(
            f"the tables cannot be changed now: job {excerpt(job_id, 255)} is {work_of(excerpt(holder, 255))}",
            hint="wait until no job is running, or stop it, and repeat this",
        )


def _require_creating(connection: Connection) -> None:
    """Raise the server's error; yoyo would continue without its tables, and fail because they are missing."""
    [(role, schema, may_create)] = connection.execute(
        "SELECT current_user, current_schema(), has_schema_privilege(current_schema(), 'CREATE')"
    ).fetchall()
    if not may_create:
        raise StoreError(
            f"the database role {role} lacks a privilege: it may not create tables in the schema {schema}",
            hint=f"its owner can: GRANT CREATE ON SCHEMA {quoted(schema)} TO {quoted(role)}; or set"
            " BEACON_DATABASE_SCHEMA to a schema of its own",
        )


def _apply(url: str) -> list[str]:
    from yoyo import read_migrations
    from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
    from yoyo.connections import DatabaseURI
    from yoyo.migrations import default_migration_table

    address = address_of(url, statement_timeout="0")

    class Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
        """yoyo on our connections: its own URL parser supports neither sockets nor libpq's other forms."""

        def connect(self, dburi: object) -> Connection:  # noqa: ARG002
            return open_connection(address)

    uri = DatabaseURI("postgresql+psycopg", None, None, None, None, address.parameters.get("dbname", ""), {})
    backend = Backend(uri, default_migration_table)
    try:
        backend.init_database()
        backend.break_lock()  # we use the advisory lock; yoyo's row would survive a killed process
        pending = backend.to_apply(read_migrations(str(MIGRATIONS)))
        with backend.lock():
            backend.apply_migrations(pending)
        return [migration.id for migration in pending]
    finally:
        backend.connection.close()


def _applied(connection: Connection) -> frozenset[str]:
    with translated():
        rows = connection.execute("SELECT migration_id FROM _yoyo_migration").fetchall()
    return frozenset(str(row[0]) for row in rows)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
