"""Which database a command uses, as shown in its first line: the named one, else the embedded one."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from beacon_cli.errors import BeaconError, JobNotFound, SchemaError, StoreError

if TYPE_CHECKING:
    from beacon_cli.settings import Settings

EMBEDDED = "embedded"
"""In place of a URL: the embedded database, whatever other variables say."""

_FLAG = "--database-url"
# It may belong to another project: many programs and hosts set it.
_SHARED_VARIABLE = "DATABASE_URL"
_KEEPS_IT_SECRET = "BEACON_DATABASE_URL keeps it out"
_IF_NOT_OURS = (
    f"if {_SHARED_VARIABLE} belongs to another project: BEACON_DATABASE_URL={EMBEDDED} selects Beacon's own"
    " database, BEACON_DATABASE_URL=postgresql://… another one"
)
# libpq's and the server's own, such as PGPORT, PGSERVICE, PGTZ; not PG_COLOR.
_LIBPQ_VARIABLE = re.compile(r"PG[A-Z]+")
# Only these schemes are shown of a URL that is not PostgreSQL's: anything else may be part of a password.
_OTHER_SCHEME = re.compile(
    r"(?:(?:mysql|mariadb|sqlite3?|mssql|oracle|mongodb|rediss?|postgis|postgres|postgresql)(?:\+\w{1,20})?)://"
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NamedDatabase:
    """A database that the user named, and where: the flag, or a variable. `url` may contain a password."""

    url: str
    source: str

    @contextlib.contextmanager
    def blamed(self) -> Iterator[None]:
        """Add the source of the database to its errors."""
        try:
            yield
        except BeaconError as error:
            if type(error) in (StoreError, SchemaError) and not error.message.startswith(self.source):
                error.message = f"{self.source}: {error.message}"
                error.hint = error.hint.replace(f"check {_FLAG}", f"check {self.source}")
                if self.source == _SHARED_VARIABLE:
                    _add_hint(error, _IF_NOT_OURS)
            raise

    def announce(self) -> None:
        """Log which database is used. Raises `StoreError` for a URL that cannot be parsed."""
        from beacon_cli.store.address import program_parameters
        from beacon_cli.store.connect import server_name

        parameters = program_parameters(self.url)
        _log.warning("database: %s (from %s)", server_name(parameters), self.source)
        if self.source == _FLAG and parameters.get("password") and sys.stderr.isatty():
            _log.warning("warning: other users can read the password in the list of processes: %s", _KEEPS_IT_SECRET)


@contextlib.contextmanager
def open_database(settings: Settings, url: str | None = None, *, announced: bool = False) -> Iterator[str]:
    """Yield the URL of the database to use: `url` (the flag), else the configured one, else the embedded server's.

    The embedded server is started if necessary, its tables are brought up to date, and it ends with its last user.
    A named database is always announced; the embedded one only if `announced`, or with --verbose.
    Raises `StoreError` for a URL that is not PostgreSQL's, or if the embedded server cannot be started.
    """
    with unmigrated_database(settings, url, announced=announced) as found:
        if named_database(settings, url) is None:
            from beacon_cli.store.migrate import migrate, needs_migration

            if needs_migration(found):
                migrate(found)
        yield found


@contextlib.contextmanager
def unmigrated_database(settings: Settings, url: str | None = None, *, announced: bool = True) -> Iterator[str]:
    """Yield the same, with its tables as they are."""
    from beacon_cli.store.address import in_schema

    if (named := named_database(settings, url)) is not None:
        with named.blamed():
            named.announce()
            _log_server(named.url)
            yield in_schema(named.url, settings.database_schema)
        return
    from beacon_cli.store.embedded import embedded_server

    described = f"embedded, in {settings.data_path()}"
    _log.log(logging.WARNING if announced else logging.INFO, "database: %s", described)
    ignore_libpq_variables()
    with embedded_server(settings.data_path()) as embedded, _naming_the_database(described):
        _log_server(embedded)
        yield in_schema(embedded, settings.database_schema)


def named_url(settings: Settings, url: str | None = None) -> str | None:
    """Return the URL of the named database; None means the embedded one. Raises what `named_database` raises."""
    if (named := named_database(settings, url)) is None:
        return None
    from beacon_cli.store.address import in_schema  # with psycopg, which a run that opens no database need not import

    return in_schema(named.url, settings.database_schema)


def named_database(settings: Settings, url: str | None = None) -> NamedDatabase | None:
    """Return the database named by the flag, else by the environment; None means the embedded one.

    Raises `StoreError` for a URL that is not PostgreSQL's.
    """
    if url:
        named = NamedDatabase(url.strip(), _FLAG)
    elif settings.database_url is not None:
        named = NamedDatabase(settings.database_url.get_secret_value(), _variable())
    else:
        return None
    if named.url == EMBEDDED:
        return None
    _require_postgresql(named)
    return named


def reviver(settings: Settings, url: str | None = None) -> Callable[[], object] | None:
    """Return a function that starts the embedded server again, for its users; None for a named database."""
    if named_database(settings, url) is not None:
        return None
    from beacon_cli.store.embedded import restart_embedded

    return partial(restart_embedded, settings.data_path())


def ignore_libpq_variables() -> None:
    """Remove libpq's variables from this process: another project's PGPORT or PGSERVICE is not for our server."""
    names = sorted(name for name in os.environ if _LIBPQ_VARIABLE.fullmatch(name))
    if names:
        _log.info("database: the embedded one ignores %s", ", ".join(names))
    for name in names:
        del os.environ[name]


def _variable() -> str:
    """Return the variable with the configured URL: Beacon's own has priority."""
    return "BEACON_DATABASE_URL" if os.environ.get("BEACON_DATABASE_URL") else _SHARED_VARIABLE


def _require_postgresql(named: NamedDatabase) -> None:
    scheme, separator, _ = named.url.partition("://")
    if not separator or scheme in ("postgres", "postgresql"):
        return
    other = _OTHER_SCHEME.match(named.url)
    what = f"is a {other[0]} URL" if other else "is not a PostgreSQL URL"
    hint = "write it as postgresql://user:password@host:5432/name"
    raise StoreError(
        f"{named.source} {what}, and Beacon stores answers in PostgreSQL",
        hint=_IF_NOT_OURS
        if named.source == _SHARED_VARIABLE
        else f"{hint}, or as {EMBEDDED} for Beacon's own database",
    )


@contextlib.contextmanager
def _naming_the_database(described: str) -> Iterator[None]:
    """Add to `JobNotFound` which database was searched, unless the first line has already shown it."""
    try:
        yield
    except JobNotFound as error:
        _add_hint(error, f"the database is {described}")
        raise


def _add_hint(error: BeaconError, more: str) -> None:
    error.hint = f"{error.hint}; {more}" if error.hint else more


def _log_server(url: str) -> None:
    """With --verbose, connect once to log the version of PostgreSQL."""
    if not _log.isEnabledFor(logging.INFO):
        return
    from beacon_cli.store.connect import connect

    with connect(url) as connection:
        major_and_minor = divmod(connection.info.server_version, 10000)
    _log.info("database: PostgreSQL %d.%d answers", *major_and_minor)
