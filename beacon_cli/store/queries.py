"""The statements in separate files: `queries/NAME.sql` in the package that uses them."""

from __future__ import annotations

from functools import cache
from importlib import resources

from psycopg import sql


@cache
def query(room: str, name: str) -> sql.SQL:
    """Return the statement of a subpackage, such as `("audit", "cells")`."""
    path = resources.files(f"beacon_cli.{room}").joinpath("queries", f"{name}.sql")
    return sql.SQL(path.read_text(encoding="utf-8"))
