"""A real PostgreSQL for the tests: one server per worker, and a fresh database per test, cloned."""

from __future__ import annotations

import functools
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

LEGACY_SCHEMA = (Path(__file__).parent / "legacy_schema.sql").read_text()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of this worker's server, which ends with the session."""
    from beacon_cli.store.embedded import embedded_server

    # Not pytest's tmp_path: as root the server runs as a user of its own, to which that folder is closed.
    folder = Path(tempfile.mkdtemp(prefix="beacon-tests-"))
    folder.chmod(0o755)
    try:
        with embedded_server(folder) as url:
            with psycopg.connect(url, autocommit=True) as connection:
                for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
                    connection.execute(f"ALTER SYSTEM SET {setting}".encode())
                connection.execute("SELECT pg_reload_conf()")
            yield url
            _administrator(url).close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> str:
    """The name of a database that was migrated once, to be cloned."""
    from beacon_cli.store.migrate import migrate

    create_database(postgres_url, "beacon_template")
    migrate(url_of(postgres_url, "beacon_template"))
    return "beacon_template"


@pytest.fixture(scope="session")
def legacy_template(postgres_url: str) -> str:
    """The name of a database with the old system's tables, to be cloned."""
    create_database(postgres_url, "legacy_template")
    with psycopg.connect(url_of(postgres_url, "legacy_template"), autocommit=True) as connection:
        connection.execute(LEGACY_SCHEMA.encode())
    return "legacy_template"


@pytest.fixture
def database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """The URL of a fresh, migrated database."""
    with fresh_database(postgres_url, migrated_template) as url:
        yield url


@pytest.fixture
def empty_database_url(postgres_url: str) -> Iterator[str]:
    """The URL of a fresh database without any table."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
def legacy_database_url(postgres_url: str, legacy_template: str) -> Iterator[str]:
    """The URL of a fresh database with the old system's tables."""
    with fresh_database(postgres_url, legacy_template) as url:
        yield url


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


@contextmanager
def fresh_database(server: str, template: str = "template0") -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    create_database(server, name, template)
    try:
        yield url_of(server, name)
    finally:
        execute_on(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def create_database(server: str, name: str, template: str = "template0") -> None:
    names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
    # Copying files takes half of what writing each page through the log does.
    execute_on(server, sql.SQL("CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy").format(**names))


def execute_on(server: str, statement: sql.Composed) -> None:
    _administrator(server).execute(statement)


@functools.cache
def _administrator(server: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Return a connection that is kept: new ones would take half of the time that a clone and its end take."""
    return psycopg.connect(server, autocommit=True)


def url_of(server: str, database: str) -> str:
    """Return the URL of another database of the same server."""
    parts = conninfo_to_dict(server)
    return f"postgresql://{parts['user']}@/{database}?host={parts['host']}"
