"""Which pools are refused, and that nothing of ours stays behind on the server connections of others."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import psycopg
import pytest

from beacon_cli.errors import StoreError
from beacon_cli.store.connect import connect, connect_readonly
from tests.support.pgbouncer import Mode, pgbouncer, program
from tests.support.tcp_postgres import TcpPostgres, tcp_postgres

ROUND_ROBIN = "server_round_robin = 1"
POOL_OF_ONE = "default_pool_size = 1"
SETTINGS = ("lock_timeout", "statement_timeout", "default_transaction_read_only", "TimeZone", "application_name")


@pytest.fixture(scope="module")
def postgres() -> Iterator[TcpPostgres]:
    program()
    with tcp_postgres() as server:
        yield server


def settings(url: str) -> list[object]:
    with psycopg.connect(url, autocommit=True, application_name="another") as connection:
        return [connection.execute(f"SHOW {name}".encode()).fetchone() for name in SETTINGS]


@contextlib.contextmanager
def busy(url: str, clients: int) -> Iterator[None]:
    """Keep so many other clients of a pool busy with short transactions."""
    stop = threading.Event()

    def work() -> None:
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
            while not stop.is_set():
                connection.execute("SELECT 1")

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("clients", [0, 1, 3])
@pytest.mark.parametrize(
    ("mode", "more"),
    [("transaction", ""), ("transaction", ROUND_ROBIN), ("transaction", POOL_OF_ONE), ("statement", "")],
)
def test_a_pool_that_gives_connections_away_is_refused_and_left_as_it_was(
    postgres: TcpPostgres, mode: Mode, more: str, clients: int
) -> None:
    with pgbouncer(postgres.url(), mode, more) as bouncer:
        url = bouncer.url("postgres")
        before = settings(url)
        with busy(url, clients):
            for _ in range(10):
                with pytest.raises(StoreError, match="per transaction or per statement"):
                    connect_readonly(url)
        assert settings(url) == before


@pytest.mark.parametrize("more", ["", ROUND_ROBIN])
def test_a_pool_by_session_is_used_and_has_our_settings(postgres: TcpPostgres, more: str) -> None:
    with pgbouncer(postgres.url(), "session", more) as bouncer, busy(bouncer.url("postgres"), 2):
        for _ in range(5):
            with connect(bouncer.url("postgres"), statement_timeout="7s") as connection:
                assert connection.execute("SHOW statement_timeout").fetchone() == ("7s",)
                assert connection.execute("SELECT pg_backend_pid()").fetchone() == (connection.server_pid,)
                assert connection.info.backend_pid != connection.server_pid
                assert connection.prepare_threshold is None


def test_a_pool_of_one_connection_by_session_is_told_from_one_by_transaction(postgres: TcpPostgres) -> None:
    """The second connection, which would tell the modes apart, never comes: who is answered then has a session."""
    with pgbouncer(postgres.url(), "session", POOL_OF_ONE) as bouncer:
        connect(bouncer.url("postgres")).close()


def test_a_pool_without_a_free_connection_says_so(postgres: TcpPostgres) -> None:
    with pgbouncer(postgres.url(), "transaction", f"{POOL_OF_ONE}\nquery_wait_timeout = 1") as bouncer:
        with psycopg.connect(bouncer.url("postgres")) as another:
            another.execute("SELECT 1")  # in a transaction: it keeps the only one
            with pytest.raises(StoreError, match="query_wait_timeout") as caught:
                connect(bouncer.url("postgres"))
        assert "wait until other programs" in caught.value.hint


def test_options_that_a_pooler_refuses_are_named_and_the_schema_is_not_among_them(postgres: TcpPostgres) -> None:
    with pgbouncer(postgres.url(), "session") as bouncer:
        with connect(f"{bouncer.url('postgres')}?options=-csearch_path%3Dpg_catalog") as connection:
            assert connection.execute("SHOW search_path").fetchone() == ("pg_catalog",)
        with pytest.raises(StoreError, match="unsupported startup parameter") as caught:
            connect(f"{bouncer.url('postgres')}?options=-cwork_mem%3D5MB")
        assert "BEACON_DATABASE_SCHEMA" in caught.value.hint
