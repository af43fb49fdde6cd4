"""The whole program through PgBouncer: by session all of it works; by transaction or statement nothing is begun."""

from __future__ import annotations

import signal
import subprocess
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.acceptance.conftest import Beacon
from tests.support.fleet import CountingRegions, a_fleet, until
from tests.support.pgbouncer import PgBouncer, pgbouncer, program
from tests.support.regions_server import MODELS, regions_server
from tests.support.tcp_postgres import TcpPostgres, tcp_postgres

JOB = f"""
id: pooled
questions: [{", ".join(f"{{id: q{n}, text: 'Question {n}?'}}" for n in range(8))}]
models: [{", ".join(MODELS)}]
regions: [US, EU, ASIA]
"""
CELLS = 8 * 2 * 3


@pytest.fixture(scope="module")
def postgres() -> Iterator[TcpPostgres]:
    program()
    with tcp_postgres() as server:
        yield server


@pytest.fixture
def database(postgres: TcpPostgres) -> Iterator[str]:
    name = f"pooled_{uuid.uuid4().hex}"
    postgres.create(name)
    yield name
    postgres.drop(name)


@pytest.fixture(scope="module")
def by_session(postgres: TcpPostgres) -> Iterator[PgBouncer]:
    with pgbouncer(postgres.url(), "session") as bouncer:
        yield bouncer


@pytest.fixture
def regions(beacon: Beacon) -> Iterator[CountingRegions]:
    with regions_server(CountingRegions(latency=0.2)) as served:
        assert isinstance(served, CountingRegions)
        beacon.environment |= served.environment()
        yield served


def rows(postgres: TcpPostgres, database: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(postgres.url(database), autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def stored(postgres: TcpPostgres, database: str) -> int:
    [(count,)] = rows(postgres, database, "SELECT count(*) FROM executions WHERE status = 'completed'")
    return int(str(count))


def succeeds(beacon: Beacon, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = beacon(*arguments)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done


@pytest.mark.fault(66, "PgBouncer with pool_mode = session")
def test_by_session_a_job_is_locked_interrupted_resumed_and_read(
    beacon: Beacon, regions: CountingRegions, postgres: TcpPostgres, by_session: PgBouncer, database: str
) -> None:
    beacon.environment["BEACON_DATABASE_URL"] = by_session.url(database)
    job = beacon.write("job.yaml", JOB)
    succeeds(beacon, "db", "migrate")
    regions.answers = 6
    first = beacon.begin("run", job)
    until(lambda: stored(postgres, database) == 6, 300)
    second = beacon("run", job)
    assert second.returncode == 3
    assert f"is being run by process {first.pid} on" in second.stderr
    assert f"process {first.pid} on" in succeeds(beacon, "jobs", "--json").stdout
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=300)
    assert first.returncode == 130
    regions.answers, regions.latency = None, 0.0
    succeeds(beacon, "run", job)
    assert stored(postgres, database) == CELLS
    for reading in (("check-db", "pooled"), ("show", "pooled"), ("export", "pooled"), ("jobs",)):
        succeeds(beacon, *reading)
    assert succeeds(beacon, "db", "psql", "-Atc", "SELECT count(*) FROM jobs").stdout == "1\n"


@pytest.mark.fault(66, "SIGKILL to PgBouncer in mid-run, and started again")
def test_a_pgbouncer_that_restarts_in_mid_run_costs_no_answer(
    beacon: Beacon, regions: CountingRegions, postgres: TcpPostgres, database: str
) -> None:
    with pgbouncer(postgres.url(), "session") as bouncer:
        beacon.environment["BEACON_DATABASE_URL"] = bouncer.url(database)
        succeeds(beacon, "db", "migrate")
        regions.answers = 6
        process = beacon.begin("run", beacon.write("job.yaml", JOB))
        until(lambda: stored(postgres, database) == 6, 300)
        bouncer.kill()
        regions.answers = None
        beacon.until_said("answers are kept in", process)
        bouncer.start()
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said
        assert "the database is back" in said
        assert set(regions.seen.values()) == {1}, "a cell was asked twice"
        assert stored(postgres, database) == CELLS


def test_by_session_a_fleet_works_and_takes_over(
    beacon: Beacon, regions: CountingRegions, by_session: PgBouncer, database: str
) -> None:
    beacon.environment["BEACON_DATABASE_URL"] = by_session.url(database)
    succeeds(beacon, "db", "migrate", "--fleet")
    with a_fleet(beacon, regions, by_session.url(database)) as fleet:
        fleet.start_workers(2)
        regions.answers = 6
        fleet.submit("one", questions=6)
        until(lambda: fleet.answered() == 6 and sum(regions.in_flight.values()) == 6, 300, fleet.everything)
        fleet.holder_of("one").kill()
        regions.answers = None
        fleet.wait_until_done("one")
        fleet.assert_nothing_lost_or_doubled(36)
        succeeds(beacon, "queue")


@pytest.mark.fault(66, "PgBouncer with pool_mode = transaction")
def test_by_transaction_nothing_is_asked_or_written(
    beacon: Beacon, regions: CountingRegions, postgres: TcpPostgres, database: str
) -> None:
    succeeds(beacon, "db", "migrate", "--database-url", postgres.url(database))
    with pgbouncer(postgres.url(), "transaction") as bouncer:
        beacon.environment["BEACON_DATABASE_URL"] = bouncer.url(database)
        job = beacon.write("job.yaml", JOB)
        of_database = (("db", "migrate", "--fleet"), ("db", "dump"), ("db", "psql", "-c", "SELECT 1"))
        for command in (("run", job), ("jobs",), *of_database, ("worker",)):
            done = beacon(*command)
            assert done.returncode == 3, (command, done.stdout, done.stderr)
            assert "assigns connections per transaction or per statement" in done.stderr
    assert regions.seen == {}
    assert rows(postgres, database, "SELECT id FROM jobs") == []
