"""Any time that PostgreSQL can hold: no reader ends with a fault of the program, and the audit names the row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.audit_jobs import JOB, START, seed, seed_legacy
from tests.support.in_process import beacon

Connection = psycopg.Connection[tuple[Any, ...]]

BEYOND = ["infinity", "-infinity", "294276-12-31 23:59:59", "10000-01-01", "0001-12-31 BC", "4713-01-01 BC"]
COLUMNS = {
    "executions": ("queued_at", "started_at", "completed_at", "created_at"),
    "runs": ("started_at", "ended_at"),
    "jobs": ("created_at", "started_at", "completed_at"),
}


def readers(folder: Path) -> list[tuple[str, ...]]:
    exports = [("export", JOB, "--output", str(folder / f"out.{kind}"), "--force") for kind in ("jsonl", "csv", "parquet")]
    return [
        *(("jobs",), ("jobs", "--json"), ("show", JOB), ("show", JOB, "--json"), ("check-db", JOB)),
        *(("check-db", JOB, "--json"), ("compare", JOB), ("report", JOB, "--output", str(folder / "page.html"), "--force")),
        *exports,
    ]


@pytest.mark.parametrize("moment", BEYOND)
@pytest.mark.parametrize("table", COLUMNS)
def test_every_reader_shows_a_job_whose_times_python_does_not_have(
    connection: Connection, database_url: str, tmp_path: Path, table: str, moment: str
) -> None:
    seed(connection)
    connection.execute("UPDATE jobs SET started_at = %s, completed_at = %s", [START, START])
    for column in COLUMNS[table]:
        connection.execute(f"UPDATE {table} SET {column} = %s".encode(), [moment])
        for command in readers(tmp_path):
            done = beacon(*command, url=database_url)
            assert done.code in {0, 1}, (column, command, done.out, done.err)
            assert "unexpected" not in done.out + done.err, (column, command, done.err)


@pytest.mark.parametrize(("moment", "fault"), [("infinity", "in the future"), ("-infinity", "before it was started")])
def test_the_audit_names_such_a_row(connection: Connection, database_url: str, moment: str, fault: str) -> None:
    seed(connection)
    connection.execute("UPDATE executions SET completed_at = %s WHERE question_id = 'math_basic'", [moment])
    done = beacon("check-db", JOB, "--json", url=database_url)
    checks = {check["name"]: check for check in done.document["data"]["checks"]}
    assert (done.code, checks["timestamps"]["status"]) == (1, "fail")
    assert fault in checks["timestamps"]["detail"]


@pytest.mark.parametrize("moment", BEYOND)
def test_the_old_systems_rows_are_read_as_well(
    legacy_connection: Connection, legacy_database_url: str, moment: str
) -> None:
    seed_legacy(legacy_connection)
    legacy_connection.execute("UPDATE executions SET completed_at = %s, started_at = %s", [moment, START])
    for command in (("jobs",), ("check-db", JOB), ("show", JOB)):
        done = beacon(*command, url=legacy_database_url)
        assert done.code in {0, 1}, (command, done.err)
        assert "unexpected" not in done.out + done.err, (command, done.err)
