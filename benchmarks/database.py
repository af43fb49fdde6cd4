"""The embedded PostgreSQL seen from outside: its processes' CPU, its counters, connections."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import psutil
import psycopg

_SQL = Path(__file__).parent / "sql"
COUNTERS = ("seq_scan", "seq_tup_read", "idx_scan", "idx_tup_fetch")


def server_process(url: str) -> psutil.Process:
    """Return the server's main process."""
    with psycopg.connect(url) as connection:
        folder = value(connection, "SHOW data_directory")
    return psutil.Process(int((Path(folder) / "postmaster.pid").read_text().split()[0]))


def server_cpu_seconds(server: psutil.Process) -> float:
    """Return the CPU seconds of the server and all its processes, those that have ended included."""
    used = server.cpu_times()
    total = used.user + used.system + used.children_user + used.children_system
    for child in server.children():
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return float(total)


def statement(name: str) -> bytes:
    """Return a statement of `sql/`."""
    return (_SQL / f"{name}.sql").read_bytes()


def value(connection: psycopg.Connection[Any], statement: str, *parameters: Any) -> Any:
    """Return the one value of a query."""
    row = connection.execute(statement.encode(), parameters).fetchone()
    assert row is not None
    return row[0]


def counters(url: str) -> dict[str, int]:
    """Return how often rows of `executions` were read, and how. Ended sessions have reported theirs after a moment."""
    time.sleep(1.5)
    with psycopg.connect(url) as connection:
        row = connection.execute(
            f"SELECT {', '.join(COUNTERS)} FROM pg_stat_user_tables WHERE relname = 'executions'".encode()
        ).fetchone()
    assert row is not None
    return dict(zip(COUNTERS, row, strict=True))


def commit_milliseconds(url: str, count: int) -> list[float]:
    """Return how long so many single-row transactions took, each of one insert and its commit."""
    taken = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE benchmark_commits (number int, text text)")
        for number in range(count):
            began = time.monotonic()
            connection.execute("INSERT INTO benchmark_commits VALUES (%s, %s)", [number, "x" * 800])
            taken.append((time.monotonic() - began) * 1000)
        connection.execute("DROP TABLE benchmark_commits")
    return taken
