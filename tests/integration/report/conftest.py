from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to a fresh, migrated database, committing each statement."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def legacy(legacy_database_url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection to a fresh database with the old system's tables."""
    with psycopg.connect(legacy_database_url, autocommit=True) as connection:
        yield connection
