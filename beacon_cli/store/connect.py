"""Connecting to PostgreSQL, and saying what went wrong without ever showing a password."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict

from beacon_cli.errors import SchemaError, StoreError

# A lock that somebody holds must not hang an operator's terminal for ever.
LOCK_TIMEOUT = "10s"
CONNECT_TIMEOUT_SECONDS = 10

Schema = Literal["empty", "beacon", "legacy", "foreign"]


def connection_parameters(url: str, *, statement_timeout: str, read_only: bool = False) -> dict[str, str]:
    """Return the parameters for `psycopg.connect`. Raises `StoreError` when the URL cannot be parsed."""
    try:
        given = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.Error:
        # Neither the URL nor psycopg's message may be shown: both can hold the password.
        raise StoreError(
            "the database URL cannot be parsed",
            hint="write it as postgresql://user:password@host:5432/name, with special characters percent-encoded",
        ) from None
    options = [f"-c lock_timeout={LOCK_TIMEOUT}", f"-c statement_timeout={statement_timeout}"]
    if read_only:
        options.append("-c default_transaction_read_only=on")
    return {
        "connect_timeout": str(CONNECT_TIMEOUT_SECONDS),
        "application_name": "beacon",
        **given,
        "options": " ".join([given.get("options", ""), *options]).strip(),
    }


def connect(
    url: str, *, read_only: bool = False, statement_timeout: str = "60s"
) -> psycopg.Connection[tuple[object, ...]]:
    """Return a connection in autocommit mode. Raises `StoreError` when the server cannot be reached."""
    parameters = connection_parameters(url, statement_timeout=statement_timeout, read_only=read_only)
    with translated(parameters):
        return psycopg.connect(**parameters, autocommit=True)  # type: ignore[arg-type]


def connect_readonly(url: str) -> psycopg.Connection[tuple[object, ...]]:
    """Return a connection that cannot write, with time for an audit's queries."""
    return connect(url, read_only=True, statement_timeout="600s")


@contextlib.contextmanager
def translated(parameters: dict[str, str] | None = None) -> Iterator[None]:
    """Turn psycopg's errors into `StoreError`, with the server named and the password left out."""
    try:
        yield
    except psycopg.Error as error:
        raise store_error(error, parameters) from None


def store_error(error: psycopg.Error, parameters: dict[str, str] | None = None) -> StoreError:
    """Return what to tell of a database error. Passwords are cut out of libpq's text."""
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if password := (parameters or {}).get("password"):
        text = text.replace(password, "***")
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return StoreError(
            f"a table is locked by another session ({text})",
            hint="find it with: SELECT pid, query FROM pg_stat_activity WHERE state <> 'idle'",
        )
    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
        return SchemaError(f"the database is not up to date: {text}", hint="run: beacon db migrate")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return StoreError("the database is read-only", hint="connect to the primary, or as a role that may write")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return StoreError(f"the database role lacks a privilege: {text}", hint="see docs/database.md for the grants")
    if isinstance(error, psycopg.errors.DiskFull):
        return StoreError(f"the database's disk is full: {text}", hint="free space there, then run the job again")
    where = f" {_server(parameters)}" if parameters else ""
    return StoreError(f"the database{where} failed: {text}", hint="check --database-url and that the server runs")


def detect_schema(connection: psycopg.Connection[tuple[object, ...]]) -> Schema:
    """Return whose tables the database holds: ours, the old system's, somebody else's, or none."""
    with translated():
        columns = {
            (table, column): data_type
            for table, column, data_type in connection.execute(
                """
                SELECT table_name, column_name, data_type FROM information_schema.columns
                WHERE table_schema = ANY (current_schemas(false))
                  AND table_name IN ('jobs', 'executions', 'questions', 'runs')
                """
            ).fetchall()
        }
    if not columns:
        return "empty"
    if ("jobs", "jobspec_id") in columns or columns.get(("executions", "job_id")) in {"integer", "bigint"}:
        return "legacy"
    return "beacon" if ("jobs", "spec_sha256") in columns else "foreign"


def _server(parameters: dict[str, str]) -> str:
    host = parameters.get("host", "localhost")
    where = f"at {host}" if host.startswith("/") else f"at {host}:{parameters.get('port', '5432')}"
    return f"{parameters.get('dbname', '')} {where}".strip()
