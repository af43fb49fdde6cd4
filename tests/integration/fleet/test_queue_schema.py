"""The queue's tables: made once, brought up to date, refused where they do not fit."""

from __future__ import annotations

import pytest

from beacon_cli.errors import SchemaError
from beacon_cli.fleet.queue_schema import create_queue, require_nothing_left_behind, require_queue, update_tables
from beacon_cli.store.connect import Connection, connect

_SHAPE = """
SELECT relname || '.' || attname || ' ' || format_type(atttypid, atttypmod)
FROM pg_class AS class JOIN pg_attribute AS attribute ON attrelid = class.oid AND attnum > 0 AND NOT attisdropped
WHERE relnamespace = 'beacon_queue'::regnamespace AND relkind = 'r' AND starts_with(relname, 'procrastinate')
UNION ALL
SELECT proname || '(' || pg_get_function_identity_arguments(oid) || ') ' || md5(prosrc)
FROM pg_proc WHERE pronamespace = 'beacon_queue'::regnamespace
"""


def shape(connection: Connection) -> list[str]:
    """Return the queue's columns and functions."""
    connection.execute("SET search_path = beacon_queue")
    return sorted(str(row[0]) for row in connection.execute(_SHAPE))


def test_tables_of_an_old_version_become_those_of_a_new_one(database_url: str) -> None:
    create_queue(database_url)
    with connect(database_url) as connection:
        new = shape(connection)
        connection.execute("ALTER SCHEMA beacon_queue RENAME TO made_at_once")
        connection.execute("CREATE SCHEMA beacon_queue CREATE TABLE beacon_migrations (name text PRIMARY KEY)")
        with pytest.raises(SchemaError, match="older than this program"):
            require_queue(connection, ["SELECT"])
        update_tables(connection)
        assert shape(connection) == new


def test_creating_twice_changes_nothing(database_url: str) -> None:
    create_queue(database_url)
    with connect(database_url) as connection:
        once = shape(connection)
        assert once
    create_queue(database_url)
    with connect(database_url) as connection:
        require_queue(connection, ["SELECT", "INSERT", "UPDATE", "DELETE"])
        assert shape(connection) == once


def test_tables_of_a_newer_version_are_refused(database_url: str) -> None:
    create_queue(database_url)
    with connect(database_url) as connection:
        connection.execute("INSERT INTO beacon_queue.beacon_migrations VALUES ('99.00.00_01_later')")
        with pytest.raises(SchemaError, match="newer than this program"):
            require_queue(connection, ["SELECT"])


@pytest.mark.parametrize(
    ("queue", "status", "left"),
    [
        ("beacon_jobs", "ENQUEUED", True),
        ("beacon_jobs", "PENDING", True),
        ("beacon_jobs", "SUCCESS", False),
        ("another", "ENQUEUED", False),
    ],
)
def test_what_the_queue_of_the_version_before_still_has_is_named(
    database_url: str, queue: str, status: str, left: bool
) -> None:
    with connect(database_url) as connection:
        connection.execute(
            "CREATE SCHEMA dbos CREATE TABLE workflow_status"
            " (deduplication_id text, queue_name text, status text, created_at bigint)"
        )
        connection.execute("INSERT INTO dbos.workflow_status VALUES ('old-job', %s, %s, 0)", [queue, status])
    if not left:
        require_nothing_left_behind(database_url)
        return
    with pytest.raises(SchemaError, match="still has 1 job: old-job") as refused:
        require_nothing_left_behind(database_url)
    assert "DROP SCHEMA dbos CASCADE" in refused.value.hint


def test_another_program_s_schema_of_that_name_is_no_queue_of_the_version_before(database_url: str) -> None:
    require_nothing_left_behind(database_url)
    with connect(database_url) as connection:
        connection.execute("CREATE SCHEMA dbos CREATE TABLE workflow_status (id int)")
    require_nothing_left_behind(database_url)
