"""Waiting until another process waits for a lock of PostgreSQL."""

from __future__ import annotations

import time

import psycopg


def wait_for_a_lock(url: str) -> None:
    """Return once any session of the database waits for a lock."""
    with psycopg.connect(url, autocommit=True) as connection:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            if connection.execute(waiting.encode()).fetchone() is not None:
                return
            time.sleep(0.05)
    raise AssertionError("nobody waits")
