"""What a fleet does in its database, and what it needs to be allowed to."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from beacon_cli.fleet.prune import prune
from tests.acceptance.conftest import ROOT, Beacon
from tests.support.fleet import Fleet, until
from tests.support.invariant import CANARY
from tests.support.tcp_postgres import TcpPostgres

GRANTS = Path(ROOT / "deploy" / "grants.sql").read_text()


@pytest.fixture
def least_privileged(fleet: Fleet) -> Fleet:
    """The fleet as the role of deploy/grants.sql, with a password that must never come back."""
    with psycopg.connect(fleet.url, autocommit=True) as connection:
        connection.execute(GRANTS.encode())
        connection.execute("ALTER ROLE beacon_worker LOGIN")
    url = fleet.url.replace("postgres@", f"beacon_worker:{CANARY}@")
    fleet.beacon.environment |= {"BEACON_DATABASE_URL": url, "BEACON_PROXY_KEY": CANARY, "BEACON_PROXY_SECRET": CANARY}
    return fleet


def test_the_grants_are_enough_to_work_and_to_take_over(least_privileged: Fleet) -> None:
    fleet = least_privileged
    fleet.submit("one", questions=6)
    fleet.regions.answers = 6
    first, second = fleet.start_workers(2)
    holder = fleet.holder_of("one")
    until(lambda: fleet.answered() == 6 and sum(fleet.regions.in_flight.values()) == 6, 300, fleet.everything)
    holder.send_signal(signal.SIGSTOP)
    fleet.regions.answers = None
    fleet.wait_until_done("one")
    fleet.assert_nothing_lost_or_doubled(36)
    assert fleet.beacon("queue").returncode == 0
    assert fleet.beacon("cancel", "one").returncode == 1
    said = fleet.log(first) + fleet.log(second)
    assert CANARY not in said
    assert "Traceback" not in said
    for (table,) in fleet.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'beacon_queue'"):
        assert fleet.rows(f"SELECT 1 FROM beacon_queue.\"{table}\" t WHERE t::text LIKE '%%{CANARY}%%'") == []


def test_readers_may_read_answers_and_nothing_else(fleet: Fleet) -> None:
    fleet.worker()
    fleet.submit("one", questions=1)
    fleet.wait_until_done("one")
    with psycopg.connect(fleet.url, autocommit=True) as connection:
        connection.execute(GRANTS.encode())
        connection.execute("ALTER ROLE beacon_reader LOGIN")
    fleet.beacon.environment["BEACON_DATABASE_URL"] = fleet.url.replace("postgres@", "beacon_reader@")
    for reading in (("jobs",), ("show", "one"), ("check-db", "one"), ("export", "one")):
        done = fleet.beacon(*reading)
        assert done.returncode == 0, (reading, done.stderr)
    for writing in (("cancel", "one"), ("worker",), ("submit", str(fleet.beacon.folder / "one.json"))):
        done = fleet.beacon(*writing)
        assert done.returncode == 3, (writing, done.stderr)
        assert "lacks a privilege" in done.stderr, (writing, done.stderr)


def test_what_is_over_is_forgotten_and_what_waits_is_not(fleet: Fleet) -> None:
    worker = fleet.worker()
    fleet.submit("over", questions=1)
    fleet.wait_until_done("over")
    worker.send_signal(signal.SIGTERM)
    worker.wait(300)
    fleet.submit("stopped", questions=1)
    fleet.beacon("cancel", "stopped")
    fleet.submit("waits", questions=1)
    entries = "SELECT lock FROM beacon_queue.procrastinate_jobs"
    assert asyncio.run(prune(fleet.url, timedelta(days=1))) == 0
    assert sorted(fleet.rows(entries)) == [("over",), ("stopped",), ("waits",)]
    assert asyncio.run(prune(fleet.url, timedelta(0))) == 2
    assert fleet.rows(entries) == [("waits",)]
    assert fleet.rows("SELECT id FROM fleet_workers") == []
    assert fleet.answered() == 6


def test_a_queue_without_tables_is_named(fleet: Fleet) -> None:
    with psycopg.connect(fleet.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA beacon_queue CASCADE")
    file = fleet.beacon.write("job.yaml", "questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US]\nid: one\n")
    for command in (("submit", file), ("worker",), ("queue",), ("cancel", "one")):
        done = fleet.beacon(*command)
        assert done.returncode == 3, (command, done.stderr)
        assert "beacon db migrate --fleet" in done.stderr, (command, done.stderr)


def test_an_entry_that_was_taken_and_never_begun_goes_back(fleet: Fleet) -> None:
    worker = fleet.worker()
    worker.send_signal(signal.SIGSTOP)
    fleet.submit("one", questions=1)
    fleet.rows("UPDATE beacon_queue.procrastinate_jobs SET status = 'doing' RETURNING 1")
    worker.send_signal(signal.SIGCONT)
    fleet.wait_until_done("one")


def test_the_queue_is_made_only_when_it_is_asked_for_and_where_nobody_else_has_its_schema(
    beacon: Beacon, postgres: TcpPostgres
) -> None:
    url = postgres.create("given")
    beacon.environment["BEACON_DATABASE_URL"] = url
    with psycopg.connect(url, autocommit=True) as connection:
        assert beacon("db", "migrate").returncode == 0
        assert connection.execute("SELECT FROM pg_namespace WHERE nspname = 'beacon_queue'").fetchall() == []
        connection.execute(GRANTS.encode())
        connection.execute("CREATE SCHEMA beacon_queue CREATE TABLE procrastinate_jobs (id int)")
        for command in (("db", "migrate", "--fleet"), ("queue",), ("worker",)):
            done = beacon(*command)
            assert done.returncode == 3, (command, done.stderr)
            assert "another program" in done.stderr, (command, done.stderr)
            assert "give the fleet a database of its own" in done.stderr
        tables = "SELECT relname FROM pg_class WHERE relnamespace = 'beacon_queue'::regnamespace"
        assert connection.execute(tables).fetchall() == [("procrastinate_jobs",)]
    postgres.drop("given")


def test_a_queue_of_version_0_1_that_has_jobs_is_left_as_it_is(beacon: Beacon, postgres: TcpPostgres) -> None:
    url = postgres.create("upgraded")
    beacon.environment["BEACON_DATABASE_URL"] = url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE SCHEMA dbos CREATE TABLE workflow_status"
            " (deduplication_id text, queue_name text, status text, created_at bigint)"
        )
        connection.execute("INSERT INTO dbos.workflow_status VALUES ('old-job', 'beacon_jobs', 'ENQUEUED', 0)")
        done = beacon("db", "migrate", "--fleet")
        assert done.returncode == 3
        assert "still has 1 job: old-job" in done.stderr
        assert "let workers of that version finish them" in done.stderr
        assert connection.execute("SELECT FROM pg_tables WHERE schemaname = 'public'").fetchall() == []
        connection.execute("UPDATE dbos.workflow_status SET status = 'SUCCESS'")
        assert beacon("db", "migrate", "--fleet").returncode == 0
    postgres.drop("upgraded")


def test_a_role_that_may_not_create_schemas_is_told_who_can(beacon: Beacon, postgres: TcpPostgres) -> None:
    url = postgres.create("owned")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE app LOGIN")
        connection.execute("CREATE SCHEMA app AUTHORIZATION app")
        beacon.environment |= {
            "BEACON_DATABASE_URL": url.replace("postgres@", "app@"),
            "BEACON_DATABASE_SCHEMA": "app",
        }
        assert beacon("db", "migrate").returncode == 0
        done = beacon("db", "migrate", "--fleet")
        assert done.returncode == 3, done.stderr
        assert "the database role app may not create the schema beacon_queue" in done.stderr
        connection.execute('CREATE SCHEMA beacon_queue AUTHORIZATION "app"')
        assert beacon("db", "migrate", "--fleet").returncode == 0
        assert beacon("queue").returncode == 0
        beacon.environment["BEACON_DATABASE_SCHEMA"] = "other"
        connection.execute("CREATE SCHEMA other AUTHORIZATION app")
        assert beacon("db", "migrate").returncode == 0
        for command in (("queue",), ("db", "migrate", "--fleet")):
            done = beacon(*command)
            assert done.returncode == 3, (command, done.stderr)
            assert "belongs to the tables in the schema app, not other" in done.stderr
    postgres.drop("owned")


def test_a_worker_that_finds_no_free_connection_says_so(least_privileged: Fleet) -> None:
    with psycopg.connect(least_privileged.url.replace("beacon_worker", "postgres"), autocommit=True) as connection:
        for limit in (0, 1):
            connection.execute(f"ALTER ROLE beacon_worker CONNECTION LIMIT {limit}".encode())
            done = least_privileged.beacon("worker")
            assert done.returncode == 3, done.stderr
            assert "too many connections" in done.stderr
            assert "fault of beacon" not in done.stderr
        connection.execute("ALTER ROLE beacon_worker CONNECTION LIMIT -1")
