"""Which database a command works on: the one that is named, else the embedded one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beacon_cli.settings import Settings


@contextlib.contextmanager
def open_database(settings: Settings, url: str | None = None) -> Iterator[str]:
    """Yield the URL of the database to use: `url` (the flag), else the configured one, else the embedded server's.

    The embedded server is started if need be, its tables are brought up to date, and it ends with its last user.
    Raises `StoreError` when it cannot be started.
    """
    if (named := named_url(settings, url)) is not None:
        yield named
        return
    from beacon_cli.store.address import ignore_environment, in_schema
    from beacon_cli.store.embedded import embedded_server
    from beacon_cli.store.migrate import migrate, needs_migration

    ignore_environment()
    with embedded_server(settings.data_path()) as embedded:
        embedded = in_schema(embedded, settings.database_schema)
        if needs_migration(embedded):
            migrate(embedded)
        yield embedded


def named_url(settings: Settings, url: str | None = None) -> str | None:
    """Return the database that is named, by the flag or by the environment; None means the embedded one."""
    from beacon_cli.store.address import in_schema

    named = url or (settings.database_url.get_secret_value() if settings.database_url else None)
    return in_schema(named, settings.database_schema) if named else None
