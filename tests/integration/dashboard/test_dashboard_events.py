"""The events of a job over a real connection: what a viewer gets, and what is left when it goes."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest
import uvicorn

from beacon_cli.config import load_settings
from beacon_cli.dashboard.app import create_app
from beacon_cli.dashboard.serve import _listen
from beacon_cli.dashboard.site import Site
from beacon_cli.errors import EnvironmentFault
from tests.support import hostile_job
from tests.support.audit_jobs import Connection


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEACON_DATA_DIR", str(tmp_path))


@contextmanager
def served(database_url: str) -> Iterator[tuple[Site, httpx2.Client]]:
    site, listener = Site(load_settings(None), database_url), _listen(0)
    port = listener.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(site, port=port), log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            client.get("/", params={"token": site.token})
            yield site, client
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def sessions(connection: Connection) -> int:
    [(count,)] = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'beacon'"
    ).fetchall()
    return int(count)


def test_viewers_of_a_job_share_a_session_which_ends_with_them(connection: Connection, database_url: str) -> None:
    hostile_job.store(connection)
    connection.execute("INSERT INTO jobs (id, spec, spec_sha256, batching) VALUES ('j', '{}', 'x', 'question')")
    with served(database_url) as (site, client):
        with client.stream("GET", "/jobs/j/events") as one, client.stream("GET", "/jobs/j/events") as other:
            for viewer in (one, other):
                assert viewer.headers["content-type"].startswith("text/event-stream")
                lines = viewer.iter_lines()
                assert next(lines).startswith("id: ")
                values = json.loads(next(lines).removeprefix("data: "))
                assert (values["status"], values["answered"]) == ("queued", "no answer is expected")
            assert (len(site.watches), sessions(connection)) == (1, 1)
        while len(site.watches) or sessions(connection):
            time.sleep(0.05)


def test_the_numbers_move_as_rows_are_stored(connection: Connection, database_url: str) -> None:
    hostile_job.store(connection)
    with psycopg.connect(database_url, autocommit=True) as writer, served(database_url) as (_, client):
        address = "/jobs/%2522%253E%253Cscript%253Epwned%25281%2529%253C%252Fscript%253E/events"
        with client.stream("GET", address) as viewer:
            lines = (json.loads(line[6:]) for line in viewer.iter_lines() if line.startswith("data: "))
            first = next(lines)
            writer.execute("UPDATE executions SET hops = hops + 1 WHERE region = 'US' AND repeat = 0")
            changed = next(lines)
    assert int(changed["hops"]) == int(first["hops"]) + 1
    assert set(changed) == {"hops", "lane.0.0.notes"}


@pytest.mark.parametrize("status", ["running", "cancelled"])
def test_viewers_of_a_deleted_job_hear_of_it(connection: Connection, database_url: str, status: str) -> None:
    connection.execute(
        "INSERT INTO jobs (id, spec, spec_sha256, batching, status) VALUES ('j', '{}', 'x', 'question', %s)", [status]
    )
    with served(database_url) as (_, client), client.stream("GET", "/jobs/j/events") as viewer:
        told = (json.loads(line[6:])["status"] for line in viewer.iter_lines() if line.startswith("data: "))
        first = next(told)
        connection.execute("DELETE FROM jobs WHERE id = 'j'")
        assert (first, next(told)) == ("interrupted" if status == "running" else status, "deleted")


def test_a_port_that_is_taken_is_named() -> None:
    with _listen(0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentFault, match=f"port {port} cannot be used: Address already in use"):
            _listen(port)
