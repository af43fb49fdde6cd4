"""Real workers, a real PostgreSQL over TCP, and regions that count."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.acceptance.conftest import Beacon, new_beacon
from tests.support.fleet import CountingRegions, Fleet, a_fleet
from tests.support.regions_server import regions_server
from tests.support.tcp_postgres import TcpPostgres, tcp_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[TcpPostgres]:
    with tcp_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def template(postgres: TcpPostgres) -> str:
    """A database that was migrated by the command."""
    url = postgres.create("fleet_template")
    with new_beacon() as beacon:
        done = beacon("db", "migrate", "--fleet", "--database-url", url)
        assert done.returncode == 0, done.stderr
    return "fleet_template"


@pytest.fixture
def regions() -> Iterator[CountingRegions]:
    with regions_server(CountingRegions(latency=0.2)) as served:
        assert isinstance(served, CountingRegions)
        yield served


@pytest.fixture
def fleet(beacon: Beacon, postgres: TcpPostgres, template: str, regions: CountingRegions) -> Iterator[Fleet]:
    name = f"fleet_{uuid.uuid4().hex}"
    with a_fleet(beacon, regions, postgres.create(name, template)) as made:
        yield made
    postgres.drop(name)
