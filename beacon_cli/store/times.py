"""Times that PostgreSQL supports but Python does not: infinite, after the year 9999, before the year 1."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.abc import Buffer, Loader
from psycopg.adapt import Loader as TextLoader
from psycopg.pq import Format

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
_ZONES = {"timestamptz": UTC, "timestamp": None}


def showable(moment: sql.Composable) -> sql.Composed:
    """Return an expression for a time that Python supports: the nearest one if it is out of range."""
    return sql.SQL("CASE WHEN {0} > {2} THEN {2} WHEN {0} < {1} THEN {1} ELSE {0} END").format(
        moment, sql.Literal("0001-01-01 00:00:00+00"), sql.Literal("9999-12-31 23:59:59.999999+00")
    )


def read_every_time(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """Make this connection return the nearest time that Python supports instead of raising `DataError`."""
    for name in _ZONES:
        connection.adapters.register_loader(name, _loader(name))


def _loader(name: str) -> type[Loader]:
    known = psycopg.adapters.get_loader(psycopg.adapters.types[name].oid, Format.TEXT)
    assert known is not None, name
    load_known = known
    zone = _ZONES[name]

    class Nearest(TextLoader):
        """psycopg's own loader, which may be written in C and cannot be changed, with a result for what it refuses."""

        def __init__(self, oid: int, context: Any = None) -> None:
            super().__init__(oid, context)
            self._known = load_known(oid, context)

        def load(self, data: Buffer) -> Any:
            try:
                return self._known.load(data)
            except psycopg.DataError:
                text = bytes(data)
                nearest = EARLIEST if text.startswith(b"-") or text.endswith(b"BC") else LATEST
                return nearest.replace(tzinfo=zone)

    return Nearest
