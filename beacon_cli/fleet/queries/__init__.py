"""The fleet's statements, one a file."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def query(name: str) -> bytes:
    """Return the statement of that name."""
    return resources.files("beacon_cli.fleet.queries").joinpath(f"{name}.sql").read_bytes()
