"""Connects to PostgreSQL, and reports errors without ever showing a password."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from beacon_cli.console.program_name import command
from beacon_cli.errors import SchemaError, StoreError
from beacon_cli.signals import Interrupted
from beacon_cli.store.address import Address, address_of
from beacon_cli.store.pooling import require_session_pooling
from beacon_cli.store.refusals import hint_for, shortened
from beacon_cli.store.times import read_every_time

_CANCEL_SECONDS = 2.0
# A shorter password may be part of any word: cutting it out would reveal where it was.
_SHORTEST_TO_CUT_OUT = 4
_VARIABLES = {"host": "PGHOST", "port": "PGPORT", "dbname": "PGDATABASE", "service": "PGSERVICE"}
# Only if the answering process is the one that libpq knows: a pooler in between has its own ids, and may give the
# session that is configured here to another client.
_SET = """
SELECT pg_backend_pid(), set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS wanted (name, value)
WHERE %s IN (0, pg_backend_pid())
"""

PASSING = (psycopg.OperationalError, psycopg.InterfaceError)
"""Errors that may pass by themselves: a server restart, a cut connection, a held lock. All others would recur."""


class Connection(psycopg.Connection[tuple[object, ...]]):
    """A connection whose query is cancelled if a signal interrupts the wait for it.

    psycopg does this only for KeyboardInterrupt; otherwise it warns on stderr, and the server continues to work.
    """

    server_pid = 0

    def wait(self, *args: Any, **kwargs: Any) -> Any:
        """Wait as psycopg does."""
        try:
            return super().wait(*args, **kwargs)
        except Interrupted:
            if not self.closed and self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                with contextlib.suppress(psycopg.Error):
                    self.cancel_safe(timeout=_CANCEL_SECONDS)
                self.close()
            raise


class AsyncConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """The same for asyncio. `server_pid` is the server's process, even behind a pooler, where libpq gets another."""

    server_pid = 0


def connect(
    url: str, *, read_only: bool = False, statement_timeout: str = "60s", name: str | None = None
) -> Connection:
    """Return a connection in autocommit mode; `name` is what other sessions see.

    Raises `StoreError` if the server cannot be used.
    """
    address = address_of(url, statement_timeout=statement_timeout, read_only=read_only, name=name)
    with translated(address.parameters):
        return open_connection(address)


def connect_readonly(url: str) -> Connection:
    """Return a read-only connection, with enough time for an audit's queries."""
    return connect(url, read_only=True, statement_timeout="600s")


def open_connection(address: Address) -> Connection:
    """Return a connection in autocommit mode. Raises psycopg's errors, and `StoreError` for an unusable pooler."""
    connection = Connection.connect(**address.parameters, autocommit=True)  # type: ignore[arg-type]
    try:
        read_every_time(connection)
        rows = connection.execute(_SET, _wanted(connection, address)).fetchall()
        if not rows:
            require_session_pooling(address, connection.pgconn)
            connection.prepare_threshold = None
            rows = connection.execute(_SET, _wanted(connection, address, pooled=True)).fetchall()
    except BaseException:
        connection.close()
        raise
    connection.server_pid = int(str(rows[0][0]))
    return connection


async def open_async(address: Address) -> AsyncConnection:
    """Do the same for asyncio."""
    connection = await AsyncConnection.connect(**address.parameters, autocommit=True)  # type: ignore[arg-type]
    try:
        await set_up(connection, address)
    except BaseException:
        await connection.close()
        raise
    return connection


async def set_up(connection: AsyncConnection, address: Address) -> None:
    """Apply an address's settings to a new connection in autocommit mode; raises what `open_connection` raises."""
    read_every_time(connection)
    rows = await (await connection.execute(_SET, _wanted(connection, address))).fetchall()
    if not rows:
        await asyncio.to_thread(require_session_pooling, address, connection.pgconn)
        connection.prepare_threshold = None
        rows = await (await connection.execute(_SET, _wanted(connection, address, pooled=True))).fetchall()
    connection.server_pid = int(rows[0][0])


def _wanted(connection: Connection | AsyncConnection, address: Address, *, pooled: bool = False) -> list[Any]:
    """Return the parameters of `_SET`."""
    settings = address.settings_for(connection.info.server_version)
    return [list(settings), list(settings.values()), 0 if pooled else connection.info.backend_pid]


@contextlib.contextmanager
def translated(parameters: dict[str, str] | None = None) -> Iterator[None]:
    """Turn psycopg's errors into `StoreError`, with the server's name and without the password."""
    try:
        yield
    except psycopg.Error as error:
        raise store_error(error, parameters) from None


def store_error(error: psycopg.Error, parameters: dict[str, str] | None = None) -> StoreError:
    """Return a database error as a `StoreError`. Passwords are cut out of libpq's text."""
    translation = _translation(error, parameters)
    translation.sqlstate = error.sqlstate or ""
    return translation


def _translation(error: psycopg.Error, parameters: dict[str, str] | None) -> StoreError:
    text = _text(error, parameters or {})
    where = f" {server_name(parameters)}" if parameters else ""
    if "password authentication failed" in str(error):
        return StoreError(f"the database{where} refused the user or the password", hint=hint_for(str(error)))
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return StoreError(
            f"a table is locked by another session ({text})",
            hint="find it with: SELECT pid, query FROM pg_stat_activity WHERE state <> 'idle'",
        )
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return SchemaError(f"the database is not up to date: {text}", hint=f"run: {command('db migrate')}")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return StoreError("the database is read-only", hint="connect to the primary, or as a role that may write")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        role = f" {parameters['user']}" if parameters and "user" in parameters else ""
        return StoreError(
            f"the database role{role} lacks a privilege: {text}", hint=f"{command('docs database')} lists the grants"
        )
    if isinstance(error, psycopg.errors.DiskFull):
        return StoreError(f"the database's disk is full: {text}", hint="free space there, then run the job again")
    return StoreError(f"the database{where} failed: {shortened(text)}", hint=hint_for(text))


def _text(error: psycopg.Error, parameters: dict[str, str]) -> str:
    """Return the first line of an error without the password, or its type if it may reveal a part of one."""
    password = parameters.get("password", "")
    names = (parameters.get(key, "") for key in ("host", "dbname"))
    text = (str(error).strip().splitlines() or [""])[0]
    if not text or 0 < len(password) < _SHORTEST_TO_CUT_OUT or not all(map(_showable, names)):
        return type(error).__name__
    return text.replace(password, "***") if password else text


def server_name(parameters: dict[str, str]) -> str:
    """Describe a database and its server, such as `shop at db.example:5432`, without anything that may be a password.

    Missing parameters come from libpq's variables.
    """
    variables = {key: os.environ.get(variable, "") for key, variable in _VARIABLES.items()}
    given = {key: value for key, value in (variables | parameters).items() if value}
    host, name, service = (
        value if _showable(value) else "…"
        for value in (given.get("host", "localhost"), given.get("dbname", ""), given.get("service", ""))
    )
    if service and "host" not in given:
        return f"{name} of the service {service}".strip()
    shown = f"[{host}]" if ":" in host else host
    where = f"at {host}" if host.startswith("/") else f"at {shown}:{given.get('port', '5432')}"
    return f"{name} {where}".strip()


def _showable(name: str) -> bool:
    """Return whether a host or database name is certainly not part of a password."""
    return "@" not in name and all(":" not in part or _is_ipv6(part) for part in name.split(","))


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False
