"""Migrations that are stopped or killed half-way: the next one goes on, and never fails on what is there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from beacon_cli.store.migrate import known_migrations, migrate
from tests.support.locks import wait_for_a_lock

Connection = psycopg.Connection[tuple[Any, ...]]

COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
WHERE table_schema = 'public' AND table_name NOT LIKE '%yoyo%' ORDER BY table_name, ordinal_position
"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexdef"


def shape(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return [connection.execute(query).fetchall() for query in (COLUMNS, INDEXES)]


def test_a_migration_that_was_applied_and_not_noted_is_applied_again(database_url: str) -> None:
    before = shape(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM _yoyo_migration")
    assert set(migrate(database_url)) == known_migrations()
    assert shape(database_url) == before
    assert migrate(database_url) == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_migration_that_is_interrupted_can_be_made_again(empty_database_url: str, signum: signal.Signals) -> None:
    url = empty_database_url
    with psycopg.connect(url) as other:
        other.execute("CREATE TABLE executions (id int)")  # not committed: the migration waits for its name
        process = subprocess.Popen(
            [sys.executable, "-m", "beacon_cli", "db", "migrate", "--json"],
            env={**os.environ, "BEACON_DATABASE_URL": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        wait_for_a_lock(url)
        process.send_signal(signum)
        other.rollback()
    process.communicate(timeout=60)
    assert process.returncode == (-9 if signum == signal.SIGKILL else 128 + signum)
    migrate(url)
    assert migrate(url) == []
