"""Bringing a database's tables up to date, and telling whether they are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg

from beacon_cli.errors import SchemaError
from beacon_cli.program_name import command
from beacon_cli.signals import held
from beacon_cli.store.connect import connect, connection_parameters, detect_schema, translated

# yoyo applies a migration in one transaction and notes it in another: a process that is killed in between leaves one
# that is applied and not noted. So each of them can be applied twice (IF NOT EXISTS).
MIGRATIONS = Path(__file__).parent / "migrations"
# One migration at a time per database; freed by the server if the process dies.
_ADVISORY_LOCK = 0x626561636F6E  # "beacon"


def known_migrations() -> frozenset[str]:
    """Return the ids of the migrations that this program brings."""
    return frozenset(
        path.name.removesuffix(".sql") for path in MIGRATIONS.glob("*.sql") if ".rollback" not in path.suffixes
    )


def require_current_schema(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Raise `SchemaError` unless the database holds exactly the tables that this program knows."""
    schema = detect_schema(connection)
    if schema == "legacy":
        raise SchemaError(
            "this database belongs to the old system; Beacon only reads it",
            hint=f"{command('check-db')} works on it; give another --database-url to run or migrate",
        )
    if schema == "foreign":
        raise SchemaError(
            "this database has tables named jobs or executions that are not Beacon's",
            hint="give another database, or another schema with ?options=-csearch_path%3Dbeacon",
        )
    if schema == "empty":
        raise SchemaError("this database has no Beacon tables yet", hint=f"run: {command('db migrate')}")
    applied = _applied(connection)
    if missing := known_migrations() - applied:
        raise SchemaError(
            f"the database's schema is older than this program (not applied: {_listed(missing)})",
            hint=f"run: {command('db migrate')}",
        )
    if unknown := applied - known_migrations():
        raise SchemaError(
            f"the database's schema is newer than this program (unknown: {_listed(unknown)})",
            hint=f"update beacon; {command('db migrate')} cannot go back",
        )


def needs_migration(url: str) -> bool:
    """Whether a database of ours lacks tables that this program knows."""
    with connect(url) as connection:
        schema = detect_schema(connection)
        return schema == "empty" or (schema == "beacon" and bool(known_migrations() - _applied(connection)))


def migrate(url: str) -> list[str]:
    """Apply what is missing and return the ids of what was applied.

    Raises `SchemaError` for the old system's database or a newer one's, and `StoreError` when it cannot be written.
    """
    with connect(url) as connection:
        if detect_schema(connection) in {"legacy", "foreign"}:
            require_current_schema(connection)
        with translated():
            connection.execute("SELECT pg_advisory_lock(%s)", [_ADVISORY_LOCK])
            _require_writable(connection)
            with held():  # yoyo would go on with a connection that was interrupted in the middle of a query
                applied = _apply(url)
        require_current_schema(connection)
    return applied


def _require_writable(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Raise what the server would say; yoyo goes on without its tables instead, and fails on their absence."""
    row = connection.execute(
        """
        SELECT current_setting('transaction_read_only') = 'on', has_schema_privilege(current_schema(), 'CREATE')
        """
    ).fetchone()
    assert row is not None
    read_only, may_create = row
    if read_only:
        raise psycopg.errors.ReadOnlySqlTransaction
    if not may_create:
        raise psycopg.errors.InsufficientPrivilege("it may not create tables in this database's schema")


def _apply(url: str) -> list[str]:
    from yoyo import read_migrations
    from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
    from yoyo.connections import DatabaseURI
    from yoyo.migrations import default_migration_table

    parameters: dict[str, Any] = connection_parameters(url, statement_timeout="0")
    # Parameters instead of a URL: yoyo's parser knows neither sockets nor libpq's other forms.
    database = parameters.pop("dbname", "")
    uri = DatabaseURI("postgresql+psycopg", None, None, None, None, database, parameters)
    backend = PostgresqlPsycopgBackend(uri, default_migration_table)
    try:
        backend.init_database()
        backend.break_lock()  # ours is the advisory lock; yoyo's row would outlive a killed process
        pending = backend.to_apply(read_migrations(str(MIGRATIONS)))
        with backend.lock():
            backend.apply_migrations(pending)
        return [migration.id for migration in pending]
    finally:
        backend.connection.close()


def _applied(connection: psycopg.Connection[tuple[object, ...]]) -> frozenset[str]:
    with translated():
        rows = connection.execute("SELECT migration_id FROM _yoyo_migration").fetchall()
    return frozenset(str(row[0]) for row in rows)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
