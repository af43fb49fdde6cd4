"""The fleet's database: a PostgreSQL that other machines can reach."""

from __future__ import annotations

import os

import psycopg

from beacon_cli.errors import SchemaError, StoreError
from beacon_cli.extras import has, require
from beacon_cli.program_name import command
from beacon_cli.settings import Settings
from beacon_cli.store.connect import connect, connection_parameters, translated
from beacon_cli.store.database import named_database
from beacon_cli.store.migrate import require_current_schema

_HINT = (
    "set BEACON_DATABASE_URL (or --database-url) to postgresql://user:password@host:5432/name,"
    f" then: {command('db migrate')}"
)


def fleet_database(settings: Settings, url: str | None = None) -> str:
    """Return the URL of the fleet's database, with the tables of this program.

    Raises `MissingExtra`, `StoreError` for the embedded database or one behind a socket, and `SchemaError`.
    """
    require("fleet", "dbos")
    named = named_database(settings, url)
    if named is None:
        raise StoreError("the embedded database serves one machine; a fleet needs a PostgreSQL over TCP", hint=_HINT)
    with named.blamed():
        named.announce()
        _require_fleet(named.url)
    return named.url


def _require_fleet(url: str) -> None:
    if not is_tcp(url):
        raise StoreError("this database is reached through a socket; a fleet needs a PostgreSQL over TCP", hint=_HINT)
    with connect(url) as connection:
        require_current_schema(connection)
        _require_queue_tables(connection)


def _require_queue_tables(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    with translated():
        row = connection.execute("SELECT to_regclass('dbos.workflow_status')").fetchone()
    if row is None or row[0] is None:
        raise SchemaError(
            "this database has no queue yet",
            hint=f"run: {command('db migrate')} (where the extra is installed: pip install '.[fleet]')",
        )


def create_queue_tables(url: str) -> None:
    """Create the queue's tables where a fleet can use them, and the extra is installed; else do nothing."""
    if is_tcp(url) and has("dbos"):
        from beacon_cli.fleet.dbos_queue import create_tables

        create_tables(url)


def is_tcp(url: str) -> bool:
    """Whether a database is reached over TCP, as other machines would. Raises `StoreError` for an unusable URL."""
    parameters = connection_parameters(url, statement_timeout="0")
    host = parameters.get("hostaddr") or parameters.get("host") or os.environ.get("PGHOST", "")
    return bool(host) and not host.startswith("/")
