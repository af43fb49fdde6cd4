"""Migrations: they keep every row, wait for running jobs, and go on where an earlier one was stopped or killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.errors import SchemaError
from beacon_cli.executor.execution import STATUSES
from beacon_cli.store.migrate import MIGRATIONS, known_migrations, migrate, migrations_to_apply
from beacon_cli.store.session import Session
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


def test_what_would_be_applied_can_be_listed_first(empty_database_url: str) -> None:
    assert migrations_to_apply(empty_database_url) == sorted(known_migrations())
    assert shape(empty_database_url) == [[], []]
    assert migrate(empty_database_url) == sorted(known_migrations())
    assert migrations_to_apply(empty_database_url) == []


def test_a_migration_that_was_applied_and_not_noted_is_applied_again(database_url: str) -> None:
    before = shape(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM _yoyo_migration")
    assert set(migrate(database_url)) == known_migrations()
    assert shape(database_url) == before
    assert migrate(database_url) == []


def migrated_to(url: str, version: int, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Apply the first migrations only, as the program of that version would."""
    for path in sorted(MIGRATIONS.glob("*.sql"))[:version]:
        shutil.copy(path, folder)
    with patch.context() as patched:
        patched.setattr("beacon_cli.store.migrate.MIGRATIONS", folder)
        migrate(url)


def add_rows(connection: Connection, statuses: Sequence[str]) -> None:
    """Store a job with a row of each status."""
    connection.execute("INSERT INTO jobs (id, spec, spec_sha256, batching) VALUES ('j', '{}', 'x', 'question')")
    connection.execute("INSERT INTO questions VALUES ('j', 0, 'q', 'Why?')")
    connection.execute(
        "INSERT INTO runs (id, job_id, started_at, host, pid, version)"
        " VALUES (gen_random_uuid(), 'j', now(), 'h', 1, '0.2')"
    )
    for repeat, status in enumerate(statuses):
        connection.execute(
            "INSERT INTO executions (job_id, run_id, question_id, model_id, region, repeat, status, response, attempts)"
            " SELECT 'j', id, 'q', 'm', 'US', %s, %s, 'text', 2 FROM runs",
            [repeat, status],
        )


@pytest.mark.parametrize("version", range(1, len(list(MIGRATIONS.glob("*.sql")))))
def test_every_earlier_version_is_brought_up_to_date_with_its_rows(
    empty_database_url: str, version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = empty_database_url
    migrated_to(url, version, tmp_path, monkeypatch)
    statuses = [status for status in STATUSES if version > 2 or status != "blocked"]
    rows = "SELECT job_id, run_id, question_id, model_id, region, repeat, status, response, attempts FROM executions"
    with psycopg.connect(url, autocommit=True) as connection:
        add_rows(connection, statuses)
        before = connection.execute(f"{rows} ORDER BY id".encode()).fetchall()
        assert set(migrate(url)) == {path.stem for path in sorted(MIGRATIONS.glob("*.sql"))[version:]}
        assert connection.execute(f"{rows} ORDER BY id".encode()).fetchall() == before
        connection.execute("DELETE FROM _yoyo_migration")  # applied, and not noted
        assert set(migrate(url)) == known_migrations()
        assert connection.execute(f"{rows} ORDER BY id".encode()).fetchall() == before
        assert connection.execute("SELECT DISTINCT arm, thought FROM executions").fetchall() == [(0, None)]
        assert connection.execute("SELECT id, tags FROM questions").fetchall() == [("q", [])]
        assert connection.execute("SELECT repeats FROM runs").fetchall() == [(None,)]
        copied = "INSERT INTO executions (job_id, run_id, question_id, model_id, region, repeat, status, arm)"
        connection.execute(f"{copied} SELECT 'j', id, 'q', 'm', 'US', 0, 'blocked', 1 FROM runs".encode())
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute(f"{copied} SELECT 'j', id, 'q', 'm', 'US', 0, 'empty', 1 FROM runs".encode())
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(f"{copied} SELECT 'j', id, 'q', 'm', 'EU', 0, 'unheard-of', 0 FROM runs".encode())


def test_tables_are_not_changed_while_a_job_is_being_run(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = empty_database_url
    migrated_to(url, 2, tmp_path, monkeypatch)
    with psycopg.connect(url, autocommit=True) as connection:
        add_rows(connection, STATUSES[:1])
    before = shape(url)
    with asyncio.Runner() as runner:
        session = runner.run(Session.open(url, "j", name="worker-7"))
        with pytest.raises(SchemaError, match="job j is being run by worker-7") as caught:
            migrate(url)
        runner.run(session.close())
    assert "wait until no job is running" in caught.value.hint
    assert shape(url) == before
    assert migrate(url)


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
    process.communicate(timeout=300)
    assert process.returncode == (-9 if signum == signal.SIGKILL else 128 + signum)
    migrate(url)
    assert migrate(url) == []
