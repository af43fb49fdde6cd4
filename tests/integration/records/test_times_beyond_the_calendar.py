"""Any time that PostgreSQL can hold: no reader ends with a fault of the program, and the audit names the row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.audit_jobs import JOB, START, seed, seed_legacy
from tests.support.in_process import beacon

Connection = psycopg.Connection[tuple[Any, ...]]

BEYOND = ["infinity", "-infinity", "294276-12-31 23:59:59", "4713-01-01 BC"]
COLUMNS = {
    "executions": ("queued_at", "started_at", "completed_at", "created_at"),
    "runs": ("started_at", "ended_at"),
    "jobs": ("created_at", "started_at", "completed_at"),
}


def readers(folder: Path) -> list[tuple[str, ...]]:
    exports = [("export", JOB, "--output", str(folder / f"out.{kind}")) for kind in ("jsonl", "csv", "parquet")]
    return [
        *(("jobs",), ("show", JOB, "--json"), ("show", JOB), ("check-db", JOB), ("compare", JOB)),
        *(("report", JOB, "--output", str(folder / "page.html")), *exports),
    ]


def assert_readable(url: str, *commands: tuple[str, ...], audit: int) -> None:
    """Assert that commands read the job, and that the audit ends with its code."""
    for command in commands:
        done = beacon(*command, url=url)
        assert done.code == (audit if command[0] == "check-db" else 0), (command, done.out, done.err)
        assert "fault of beacon" not in done.out + done.err, (command, done.err)


@pytest.mark.parametrize("moment", BEYOND)
def test_every_reader_shows_a_job_whose_times_python_does_not_have(
    connection: Connection, database_url: str, tmp_path: Path, moment: str
) -> None:
    seed(connection)
    for table, columns in COLUMNS.items():
        connection.execute(f"UPDATE {table} SET {', '.join(f'{c} = %(at)s' for c in columns)}".encode(), {"at": moment})
    late = moment in ("infinity", "294276-12-31 23:59:59")
    assert_readable(database_url, *readers(tmp_path), audit=1 if late else 0)


@pytest.mark.parametrize("moment", ["infinity", "4713-01-01 BC"])
def test_one_such_time_among_others_is_read_as_well(connection: Connection, database_url: str, moment: str) -> None:
    seed(connection)
    connection.execute("UPDATE jobs SET started_at = %s, completed_at = %s", [START, START])
    for table, columns in COLUMNS.items():
        for column in columns:
            connection.execute(f"UPDATE {table} SET {column} = %s".encode(), [moment])
            wrong = moment == "infinity" or (table == "executions" and column in ("started_at", "completed_at"))
            assert_readable(database_url, ("jobs",), ("check-db", JOB), audit=1 if wrong else 0)
            if column != "created_at":
                connection.execute(f"UPDATE {table} SET {column} = %s".encode(), [START])


@pytest.mark.parametrize(("moment", "fault"), [("infinity", "in the future"), ("-infinity", "before it was started")])
def test_the_audit_names_such_a_row(connection: Connection, database_url: str, moment: str, fault: str) -> None:
    seed(connection)
    connection.execute("UPDATE executions SET completed_at = %s WHERE question_id = 'math_basic'", [moment])
    done = beacon("check-db", JOB, "--json", url=database_url)
    checks = {check["name"]: check for check in done.document["data"]["checks"]}
    assert (done.code, checks["timestamps"]["status"]) == (1, "fail")
    assert fault in checks["timestamps"]["detail"]


@pytest.mark.parametrize("moment", BEYOND)
def test_the_old_systems_rows_are_read_as_well(legacy_database_url: str, moment: str) -> None:
    with psycopg.connect(legacy_database_url, autocommit=True) as connection:
        seed_legacy(connection)
        connection.execute("UPDATE executions SET completed_at = %s, started_at = %s", [moment, START])
    assert_readable(legacy_database_url, ("jobs",), ("check-db", JOB), ("show", JOB), audit=1)
