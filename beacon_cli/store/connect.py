"""Connecting to PostgreSQL, and saying what went wrong without ever showing a password."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
from collections.abc import Iterator
from typing import Any, Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from beacon_cli.errors import SchemaError, StoreError
from beacon_cli.program_name import command
from beacon_cli.signals import Interrupted

# A lock that somebody holds must not hang an operator's terminal for ever.
LOCK_TIMEOUT = "10s"
CONNECT_TIMEOUT_SECONDS = 10
_CANCEL_SECONDS = 2.0
# A server or a network that is gone without a word is noticed within half a minute, instead of libpq's two hours.
# https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-KEEPALIVES (the last one is in milliseconds)
_KEEPALIVES = {
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
_URL = re.compile(r"postgres(?:ql)?://(?P<authority>[^/?#]*)(?P<path>[^?]*)\??(?P<query>.*)", re.DOTALL)
# A shorter password may be a part of any word: to cut it out would show where it was.
_SHORTEST_TO_CUT_OUT = 4
_VARIABLES = {"host": "PGHOST", "port": "PGPORT", "dbname": "PGDATABASE", "service": "PGSERVICE"}

Schema = Literal["empty", "beacon", "legacy", "foreign"]


def connection_parameters(url: str, *, statement_timeout: str, read_only: bool = False) -> dict[str, str]:
    """Return the parameters for `psycopg.connect`. Raises `StoreError` when the URL cannot be parsed."""
    given = _parsed(url)
    options = [f"-c lock_timeout={LOCK_TIMEOUT}", f"-c statement_timeout={statement_timeout}"]
    if read_only:
        options.append("-c default_transaction_read_only=on")
    return {
        "connect_timeout": str(CONNECT_TIMEOUT_SECONDS),
        "application_name": "beacon",
        **_KEEPALIVES,
        **given,
        # Named here, they would replace those of the environment.
        "options": " ".join([given.get("options", os.environ.get("PGOPTIONS", "")), *options]).strip(),
    }


def _parsed(url: str) -> dict[str, str]:
    # Neither the URL nor psycopg's message may be shown: both can hold the password.
    refusal = StoreError(
        "the database URL cannot be parsed",
        hint="write it as postgresql://user:password@host:5432/name, with special characters percent-encoded"
        " (@ is %40, / is %2F, : is %3A, ? is %3F, # is %23)",
    )
    try:
        given = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
        for host in given.get("host", "").split(","):
            if not host.startswith("/"):
                host.encode("idna")  # as Python's resolver does, which psycopg asks
    except (psycopg.Error, UnicodeError):
        raise refusal from None
    if _ambiguous(url) or not re.fullmatch(r"[\d,]*", given.get("port", "")):
        raise refusal
    return given


def _ambiguous(url: str) -> bool:
    """Whether a password that is not percent-encoded may have been taken for a host, a port or a database's name."""
    if (match := _URL.match(url)) is None:
        return False
    keys = [pair.partition("=")[0] for pair in match["query"].split("&")]
    return match["authority"].count("@") > 1 or any("@" in part for part in (match["path"], *keys))


PASSING = (psycopg.OperationalError, psycopg.InterfaceError)
"""What may go away by itself: the server restarts, a connection is cut, a lock is held. Anything else comes again."""


class _Connection(psycopg.Connection[tuple[object, ...]]):
    """A connection whose query is cancelled when a signal interrupts the wait for it.

    psycopg does so for KeyboardInterrupt alone; otherwise it warns on stderr, and the server works on.
    """

    def wait(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().wait(*args, **kwargs)
        except Interrupted:
            if not self.closed and self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                with contextlib.suppress(psycopg.Error):
                    self.cancel_safe(timeout=_CANCEL_SECONDS)
                self.close()
            raise


def connect(
    url: str, *, read_only: bool = False, statement_timeout: str = "60s"
) -> psycopg.Connection[tuple[object, ...]]:
    """Return a connection in autocommit mode. Raises `StoreError` when the server cannot be reached."""
    parameters = connection_parameters(url, statement_timeout=statement_timeout, read_only=read_only)
    with translated(parameters):
        return _Connection.connect(**parameters, autocommit=True)  # type: ignore[arg-type]


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
    text = _text(error, parameters or {})
    where = f" {server_name(parameters)}" if parameters else ""
    if "password authentication failed" in str(error):
        return StoreError(
            f"the database{where} refused the user or the password", hint="correct them in the database URL"
        )
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
        return StoreError(
            f"the database role lacks a privilege: {text}", hint=f"{command('docs database')} lists the grants"
        )
    if isinstance(error, psycopg.errors.DiskFull):
        return StoreError(f"the database's disk is full: {text}", hint="free space there, then run the job again")
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


def _text(error: psycopg.Error, parameters: dict[str, str]) -> str:
    """Return the first line of an error without the password, or its kind where it may show a part of one."""
    password = parameters.get("password", "")
    names = (parameters.get(key, "") for key in ("host", "dbname"))
    text = (str(error).strip().splitlines() or [""])[0]
    if not text or 0 < len(password) < _SHORTEST_TO_CUT_OUT or not all(map(_showable, names)):
        return type(error).__name__
    return text.replace(password, "***") if password else text


def server_name(parameters: dict[str, str]) -> str:
    """Return a database and its server in words, such as `shop at db.example:5432`; what may be a password is left out.

    What the parameters leave open is what libpq's variables say.
    """
    variables = {key: os.environ.get(variable, "") for key, variable in _VARIABLES.items()}
    given = {key: value for key, value in (variables | parameters).items() if value}
    host, name, service = (
        value if _showable(value) else "…"
        for value in (given.get("host", "localhost"), given.get("dbname", ""), given.get("service", ""))
    )
    if service and "host" not in given:
        return f"{name} at service {service}".strip()
    shown = f"[{host}]" if ":" in host else host
    where = f"at {host}" if host.startswith("/") else f"at {shown}:{given.get('port', '5432')}"
    return f"{name} {where}".strip()


def _showable(name: str) -> bool:
    """Whether a host or a database's name is surely no part of a password that was taken for it."""
    return "@" not in name and all(":" not in part or _is_ipv6(part) for part in name.split(","))


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False
