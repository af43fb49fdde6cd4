"""The fleet's database: a PostgreSQL that other machines can reach."""

from __future__ import annotations

import os

from beacon_cli.console.program_name import command
from beacon_cli.errors import StoreError
from beacon_cli.extras import require
from beacon_cli.fleet.queue_schema import create_queue, require_nothing_left_behind, require_queue
from beacon_cli.settings import Settings
from beacon_cli.store.address import address_of
from beacon_cli.store.connect import connect
from beacon_cli.store.database import named_database, named_url
from beacon_cli.store.migrate import migrate, require_current_schema, require_ready_for_a_run
from beacon_cli.store.schema import READING, WRITING, Connection

_HINT = (
    "set BEACON_DATABASE_URL (or --database-url) to postgresql://user:password@host:5432/name,"
    f" then run: {command('db migrate --fleet')}"
)
_TABLES = ("fleet_workers", "fleet_caps", "fleet_calls", "region_trouble")
_READING = {**READING, **dict.fromkeys(_TABLES, "SELECT")}
_WRITING = {**WRITING, **dict.fromkeys(_TABLES, "SELECT, INSERT, UPDATE, DELETE")}


def fleet_database(
    settings: Settings, url: str | None = None, *, reading: bool = False, clock_must_agree: bool = False
) -> str:
    """Return the URL of the fleet's database, after checking its tables and the role's privileges.

    Raises `MissingExtra`, `StoreError` for the embedded database or one behind a socket, `SchemaError`, and
    `EnvironmentFault` if this machine's clock must agree but is wrong by minutes.
    """
    require("fleet", "procrastinate")
    address = _over_tcp(named_url(settings, url))
    named = named_database(settings, url)
    assert named is not None  # _over_tcp ensures it
    with named.blamed():
        named.announce()
        _require_fleet(address, reading=reading, clock_must_agree=clock_must_agree)
    return address


def _require_fleet(url: str, *, reading: bool, clock_must_agree: bool) -> None:
    with connect(url) as connection:
        if reading:
            require_readable_fleet(connection)
            return
        require_ready_for_a_run(connection, _WRITING, clock_must_agree=clock_must_agree)
        require_queue(connection, ["SELECT", "INSERT", "UPDATE", "DELETE"])


def require_readable_fleet(connection: Connection) -> None:
    """Raise unless this database has the queue of a fleet, and the role may read all of it.

    Raises `MissingExtra`, `SchemaError`, and `StoreError` if a privilege is missing.
    """
    require("fleet", "procrastinate")
    require_current_schema(connection, _READING)
    require_queue(connection, ["SELECT"])


def migrate_fleet(url: str | None) -> list[str]:
    """Bring Beacon's and the queue's tables up to date; return the ids of the applied migrations.

    Raises `MissingExtra`, `SchemaError`, and `StoreError` if a fleet could not use the database.
    """
    require("fleet", "procrastinate")
    named = _over_tcp(url)
    require_nothing_left_behind(named)  # before its version can no longer use the tables
    applied = migrate(named)
    create_queue(named)
    return applied


def is_tcp(url: str) -> bool:
    """Return whether a database is reached over TCP, as from other machines. Raises `StoreError` for a bad URL."""
    parameters = address_of(url, statement_timeout="0").parameters
    host = parameters.get("hostaddr") or parameters.get("host") or os.environ.get("PGHOST", "")
    return bool(host) and not host.startswith("/")


def _over_tcp(url: str | None) -> str:
    if url is None:
        raise StoreError("the embedded database serves one machine; a fleet needs a PostgreSQL over TCP", hint=_HINT)
    if not is_tcp(url):
        raise StoreError("this database is reached through a socket; a fleet needs a PostgreSQL over TCP", hint=_HINT)
    return url
