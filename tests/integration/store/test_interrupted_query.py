"""A signal while the database works on a query: the program ends, and so does the query."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from tests.support.audit_jobs import JOB, seed
from tests.support.in_process import without_database
from tests.support.locks import wait_for_a_lock

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.mark.parametrize("command", ["check-db", "show", "export"])
def test_ctrl_c_ends_a_query_too(connection: Connection, database_url: str, command: str) -> None:
    seed(connection)
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE executions IN ACCESS EXCLUSIVE MODE")
        process = subprocess.Popen(
            [sys.executable, "-m", "beacon_cli", command, JOB],
            env={**os.environ, "BEACON_DATABASE_URL": database_url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for_a_lock(database_url)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=8)  # the lock itself would be waited for longer
    assert (process.returncode, out, without_database(err)) == (130, "", "error: interrupted\n")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
    assert connection.execute(waiting.encode()).fetchall() == [(1,)]
