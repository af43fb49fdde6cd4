"""The events of a job over a real connection: what a viewer gets, and what is left when it goes."""

from __future__ import annotations

import asyncio
import html
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import psycopg
import pytest
import uvicorn

from beacon_cli.config import load_settings
from beacon_cli.dashboard.app import create_app
from beacon_cli.dashboard.serve import _listen, _serve
from beacon_cli.dashboard.site import Site
from beacon_cli.errors import EnvironmentFault
from beacon_cli.signals import Held
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
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:
            client.get("/", params={"token": site.token})
            yield site, client
    finally:
        server.should_exit = True
        thread.join(300)
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


def test_what_a_later_run_adds_to_the_job_counts(connection: Connection, database_url: str) -> None:
    spec = {"models": ["m"], "regions": ["US"], "repeats": 1, "questions": {"count": 1}}
    connection.execute(
        "INSERT INTO jobs (id, spec, spec_sha256, batching) VALUES ('j', %s, 'x', 'question')", [json.dumps(spec)]
    )
    with served(database_url) as (_, client), client.stream("GET", "/jobs/j/events") as viewer:
        lines = (json.loads(line[6:]) for line in viewer.iter_lines() if line.startswith("data: "))
        assert next(lines)["answered"].startswith("0 of 1 ")
        connection.execute("UPDATE jobs SET spec = jsonb_set(spec, '{repeats}', '3')")
        assert next(lines)["answered"].startswith("0 of 3 ")


def test_a_page_can_tell_that_a_later_run_added_a_model(connection: Connection, database_url: str) -> None:
    spec = {"models": ["m"], "regions": ["US"], "repeats": 1, "questions": {"count": 1}}
    connection.execute(
        "INSERT INTO jobs (id, spec, spec_sha256, batching) VALUES ('j', %s, 'x', 'question')", [json.dumps(spec)]
    )
    with served(database_url) as (_, client), client.stream("GET", "/jobs/j/events") as viewer:
        lines = (json.loads(line[6:]) for line in viewer.iter_lines() if line.startswith("data: "))
        page = html.unescape(client.get("/jobs/j").text)
        assert f'data-grid="{next(lines)["grid"]}"' in page
        connection.execute("""UPDATE jobs SET spec = jsonb_set(spec, '{models}', '["m", "n"]')""")
        assert json.loads(next(lines)["grid"]) == [["m", "n"], ["US"]]


def test_a_viewer_may_say_in_the_address_what_it_has_seen(connection: Connection, database_url: str) -> None:
    connection.execute("INSERT INTO jobs (id, spec, spec_sha256, batching) VALUES ('j', '{}', 'x', 'question')")
    with served(database_url) as (_, client), client.stream("GET", "/jobs/j/events") as stays:
        lines = stays.iter_lines()
        seen = next(lines).removeprefix("id: ")
        connection.execute("UPDATE jobs SET status = 'completed'")
        while not next(lines).startswith("id: "):
            pass
        with client.stream("GET", "/jobs/j/events", params={"seen": seen}) as again:
            _, data = (line for line, _ in zip(again.iter_lines(), range(2), strict=False))
    missed = json.loads(data.removeprefix("data: "))
    assert missed["status"] == "completed"
    assert "answered" not in missed


def test_a_signal_ends_the_dashboard_while_pages_wait_for_the_database(
    connection: Connection, database_url: str
) -> None:
    connection.execute("INSERT INTO jobs (id, spec, spec_sha256, batching) VALUES ('j', '{}', 'x', 'question')")
    site, listener, signals = Site(load_settings(None), database_url), _listen(0), Held()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    codes: list[int] = []

    def serve() -> None:
        codes.append(asyncio.run(_serve(site, listener, signals, open_it=False, as_json=False)))

    listener.listen()
    server = threading.Thread(target=serve, daemon=True)
    server.start()
    with httpx2.Client(base_url=address, timeout=300) as client, psycopg.connect(database_url) as blocker:
        client.get("/", params={"token": site.token})
        with client.stream("GET", "/jobs/j/events") as viewer:
            lines = viewer.iter_lines()
            next(lines)
            blocker.execute("LOCK TABLE jobs")
            reader = threading.Thread(target=suppressed, args=[lambda: client.get("/")], daemon=True)
            reader.start()
            while waiting(connection) < 2:
                time.sleep(0.02)
            signals.receive(signal.SIGINT)
            server.join(8)  # a lock is waited for 10 s
            assert codes == [0]
        reader.join(300)
    assert not site.connections


def suppressed(ask: Callable[[], object]) -> None:
    with suppress(httpx2.HTTPError):
        ask()


def waiting(connection: Connection) -> int:
    [(count,)] = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchall()
    return int(count)


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
