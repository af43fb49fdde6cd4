"""An audit needs no more than to read, and waits for nobody for ever."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from beacon_cli.audit.audit import audit_job
from beacon_cli.errors import SchemaError, StoreError
from beacon_cli.records.snapshot import reading
from beacon_cli.store.connect import connect_readonly
from tests.support.audit_jobs import JOB, seed
from tests.support.vocabulary import REGIONS

Connection = psycopg.Connection[tuple[Any, ...]]


def test_a_role_that_may_only_select_can_audit(connection: Connection, database_url: str) -> None:
    seed(connection)
    connection.execute("CREATE ROLE auditor LOGIN")
    try:
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO auditor")
        with connect_readonly(make_conninfo(database_url, user="auditor")) as auditor:
            assert audit_job(auditor, JOB, regions=REGIONS).ok
    finally:
        connection.execute("DROP OWNED BY auditor")
        connection.execute("DROP ROLE auditor")


def test_a_read_only_database_can_be_audited(connection: Connection, database_url: str) -> None:
    seed(connection)
    connection.execute(f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = on".encode())
    with psycopg.connect(database_url, autocommit=True) as reader:
        assert audit_job(reader, JOB, regions=REGIONS).ok


def test_the_transaction_cannot_write_and_leaves_no_setting_behind(connection: Connection) -> None:
    seed(connection)
    with pytest.raises(StoreError, match="read-only"), reading(connection):
        connection.execute("DELETE FROM executions")
    assert connection.execute("SHOW enable_seqscan").fetchone() == ("on",)
    assert connection.execute("SELECT count(*) FROM executions").fetchone() == (12,)


def test_a_lock_in_the_way_is_named_with_its_holder(connection: Connection, database_url: str) -> None:
    seed(connection)
    with psycopg.connect(database_url, application_name="night-backup") as holder:
        holder.execute("LOCK TABLE executions")
        with pytest.raises(StoreError) as caught, reading(connection, lock_timeout="100ms"):
            connection.execute("SELECT count(*) FROM executions")
        assert "AccessExclusiveLock on executions" in caught.value.message
        assert f"process {holder.info.backend_pid} (night-backup)" in caught.value.message
        holder.rollback()
    assert audit_job(connection, JOB, regions=REGIONS).ok


def test_a_cut_connection_is_a_store_error(connection: Connection, database_url: str) -> None:
    seed(connection)
    with psycopg.connect(database_url, autocommit=True) as victim:
        connection.execute("SELECT pg_terminate_backend(%s)", [victim.info.backend_pid])
        with pytest.raises(StoreError):
            audit_job(victim, JOB, regions=REGIONS)


def test_tables_of_somebody_else_are_refused(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE jobs (id text)")
        with pytest.raises(SchemaError):
            audit_job(connection, JOB, regions=REGIONS)


def test_the_rows_of_other_jobs_are_not_read(connection: Connection) -> None:
    """Whatever the planner thinks of a table where one job has most of the rows, no query scans all of it."""
    seed(connection)
    connection.execute("INSERT INTO jobs (id, spec, spec_sha256, batching) VALUES ('other', '{}', 'x', 'question');")
    connection.execute(
        "INSERT INTO executions (job_id, run_id, question_id, model_id, region, status)"
        " SELECT 'other', runs.id, 'q' || n, 'm', 'US', 'failed' FROM runs, generate_series(1, 500) AS n"
    )
    connection.execute("ANALYZE executions")
    connection.execute("SELECT pg_stat_force_next_flush()")
    query = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'executions'"
    before = connection.execute(query).fetchone()
    audit_job(connection, JOB, regions=REGIONS)
    connection.execute("SELECT pg_stat_force_next_flush()")
    assert connection.execute(query).fetchone() == before
