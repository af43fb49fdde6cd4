"""Databases as others set them up: schemas, roles, encodings, settings of a role; what cannot be used says why."""

from __future__ import annotations

import contextlib
import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql
from psycopg.conninfo import make_conninfo

from beacon_cli.errors import SchemaError, StoreError
from beacon_cli.records.find_job import find_job
from beacon_cli.records.recent_jobs import recent_jobs
from beacon_cli.store import schema
from beacon_cli.store.address import address_of, in_schema, quoted
from beacon_cli.store.connect import connect, connect_readonly
from beacon_cli.store.migrate import known_migrations, migrate, require_current_schema, require_ready_for_a_run
from tests.integration.conftest import fresh_database, url_of
from tests.support.tcp_postgres import tcp_postgres
from tests.support.vocabulary import REGIONS

Connection = psycopg.Connection[tuple[Any, ...]]
NAME = 'My "own", schema'


@pytest.fixture
def admin(empty_database_url: str) -> Iterator[Connection]:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        yield connection


@contextlib.contextmanager
def role(admin: Connection, *changes: str) -> Iterator[str]:
    """Yield a URL of the same database for a new role that was changed in these ways (ALTER ROLE …)."""
    name = f"role_{uuid.uuid4().hex[:8]}"
    admin.execute(f"CREATE ROLE {name} LOGIN".encode())
    try:
        for change in changes:
            admin.execute(f"ALTER ROLE {name} {change}".encode())
        yield make_conninfo(admin.info.dsn, user=name)
    finally:
        admin.execute(f"DROP OWNED BY {name}".encode())
        admin.execute(f"DROP ROLE {name}".encode())


def user(url: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(url)["user"])


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_a_schema_of_any_name_reaches_the_search_path_and_leaves_other_options_alone(name: str) -> None:
    url = in_schema("postgresql://h/db?options=-csearch_path%3Dother%20-cwork_mem%3D5MB", name)
    address = address_of(url, statement_timeout="1s")
    assert address.settings["search_path"] == quoted(name)
    assert address.parameters["options"] == "-cwork_mem=5MB"
    assert schema.schema_names(address.settings["search_path"], "me") == [name]


@pytest.mark.parametrize(
    "written", ["-c search_path=here", "-csearch_path=here", "--search_path=here", "--search-path=here"]
)
def test_a_search_path_is_found_however_it_is_written(written: str) -> None:
    url = make_conninfo("", host="h", options=f"-c work_mem=5MB {written} -c jit=off")
    address = address_of(url, statement_timeout="1s")
    assert address.settings["search_path"] == "here"
    assert address.parameters["options"] == "-cwork_mem=5MB -cjit=off"


def test_migrating_makes_the_schema_and_keeps_to_it(admin: Connection, empty_database_url: str) -> None:
    url = in_schema(empty_database_url, NAME)
    with connect(url) as connection, pytest.raises(SchemaError, match="no Beacon tables yet"):
        require_current_schema(connection)
    assert set(migrate(url)) == known_migrations()
    assert migrate(url) == []
    with connect(url) as connection:
        require_ready_for_a_run(connection)
    with connect(empty_database_url) as connection, pytest.raises(SchemaError, match="no Beacon tables yet"):
        require_current_schema(connection)
    assert admin.execute("SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^pg_|^info'").fetchall() == [
        (NAME,)
    ]


def test_two_schemas_of_one_database_do_not_see_each_other(empty_database_url: str) -> None:
    for name in ("one", "two"):
        assert set(migrate(in_schema(empty_database_url, name))) == known_migrations()


@pytest.mark.fault(67, "a role that owns its schema, without CREATE on the database")
def test_a_role_that_owns_its_schema_and_may_not_make_others_can_migrate(admin: Connection) -> None:
    with role(admin) as url:
        with pytest.raises(
            StoreError, match=f"the database role {user(url)} may not create the schema {NAME}"
        ) as caught:
            migrate(in_schema(url, NAME))
        statement = caught.value.hint.removeprefix("its owner can: ")
        admin.execute(statement.encode())
        assert set(migrate(in_schema(url, NAME))) == known_migrations()


@pytest.mark.fault(67, "a role without USAGE, without SELECT, without INSERT")
def test_a_role_without_rights_is_named_with_what_it_lacks(admin: Connection, empty_database_url: str) -> None:
    migrate(in_schema(empty_database_url, NAME))
    with role(admin) as given_url:
        name, url = user(given_url), in_schema(given_url, NAME)
        lacks = f"the database role {name} lacks a privilege: "
        grant = sql.SQL("GRANT {} TO {}")
        for privilege, lacking in (
            (f"USAGE ON SCHEMA {quoted(NAME)}", f"USAGE on the schema {NAME}"),
            (
                f"SELECT ON ALL TABLES IN SCHEMA {quoted(NAME)}",
                "SELECT on _yoyo_migration, executions, jobs, questions, runs, superseded_executions",
            ),
        ):
            for opening in (connect, connect_readonly):
                with opening(url) as connection, pytest.raises(StoreError) as caught:
                    require_current_schema(connection)
                assert caught.value.message == lacks + lacking
            admin.execute(grant.format(sql.SQL(privilege), sql.Identifier(name)))
        with connect(url) as connection:
            require_current_schema(connection)
            with pytest.raises(StoreError) as caught:
                require_ready_for_a_run(connection)
        assert caught.value.message == f"{lacks}INSERT on questions; INSERT, UPDATE on executions, jobs, runs"
        assert migrate(url) == []


def test_tables_of_another_role_are_not_migrated(admin: Connection, empty_database_url: str) -> None:
    migrate(empty_database_url)
    admin.execute("DELETE FROM _yoyo_migration")
    with role(admin) as url:
        admin.execute(f"GRANT ALL ON SCHEMA public TO {user(url)}".encode())
        admin.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {user(url)}".encode())
        with pytest.raises(SchemaError, match=f"the tables belong to the role postgres, not to {user(url)}"):
            migrate(url)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_an_encoding_that_cannot_hold_answers_is_refused_by_name(postgres_url: str, encoding: str) -> None:
    name = f"encoded_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0".encode())
        try:
            with pytest.raises(StoreError, match=f"the database {name} has the encoding {encoding}") as caught:
                migrate(url_of(postgres_url, name))
            assert "ENCODING 'UTF8'" in caught.value.hint
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_an_encoding_that_cannot_hold_answers_is_refused_at_the_start_of_a_run(postgres_url: str) -> None:
    name = f"encoded_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0".encode())
        try:
            with connect(url_of(postgres_url, name)) as connection, pytest.raises(StoreError, match="LATIN1"):
                require_ready_for_a_run(connection)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.fault(79, "the oldest version raised above the server's")
def test_a_server_that_is_too_old_is_refused_by_its_version(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "OLDEST_VERSION", 99)
    with connect(database_url) as connection:
        found = connection.info.server_version
        with pytest.raises(StoreError, match=f"the server is PostgreSQL {found // 10000}.{found % 10000}"):
            require_ready_for_a_run(connection)
        require_current_schema(connection)


def test_a_standby_can_be_read_and_is_refused_for_a_run() -> None:
    with tcp_postgres() as server:
        url = server.create("standby")
        migrate(url)
        server.stop()
        signal_file = server.data / "standby.signal"
        signal_file.touch()
        server.start()
        with connect(url) as connection:
            require_current_schema(connection)
            with pytest.raises(StoreError, match="the database is read-only: its server is a standby"):
                require_ready_for_a_run(connection)
        with pytest.raises(StoreError, match="standby"):
            migrate(url)


STRANGE = (
    "SET datestyle = 'SQL, DMY'",
    "SET intervalstyle = 'iso_8601'",
    "SET timezone = '<-03>+3'",
    "SET client_encoding = 'LATIN1'",
    "SET extra_float_digits = -10",
    "SET standard_conforming_strings = off",
    "SET default_transaction_isolation = 'serializable'",
    "SET statement_timeout = '500ms'",
    "SET lock_timeout = '1ms'",
    "SET idle_in_transaction_session_timeout = '500ms'",
    "SET idle_session_timeout = '500ms'",
    "SET transaction_timeout = '500ms'",
)


def test_what_a_role_was_given_by_alter_role_does_not_change_ours(admin: Connection, empty_database_url: str) -> None:
    with role(admin, *STRANGE, "SUPERUSER") as url:
        migrate(url)
        with connect(url) as connection:
            connection.execute("SELECT pg_sleep(0.6)")
            with connection.transaction():
                connection.execute("SELECT 1")
                connection.execute("SELECT pg_sleep(0.6)")
            then = dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC)
            read = connection.execute(
                "SELECT %s::timestamptz, %s::interval, %s, 0.1::float8 + 0.2", [then, dt.timedelta(days=1), "☃\\"]
            )
            assert read.fetchone() == (then, dt.timedelta(days=1), "☃\\", 0.1 + 0.2)
            assert connection.execute("SHOW transaction_isolation").fetchone() == ("read committed",)


@pytest.mark.parametrize("variable", ["PGCLIENTENCODING=LATIN1", "PGTZ=Asia/Tokyo", "PGDATESTYLE=SQL,DMY"])
def test_variables_of_libpq_do_not_change_what_is_read(
    database_url: str, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(*variable.split("=", 1))
    with connect(database_url) as connection:
        read = connection.execute("SELECT '2026-05-04 03:02:01Z'::timestamptz, %s", ["☃"]).fetchone()
    assert read == (dt.datetime(2026, 5, 4, 3, 2, 1, tzinfo=dt.UTC), "☃")


def test_a_role_that_reads_only_by_default_is_told_why(admin: Connection, empty_database_url: str) -> None:
    migrate(empty_database_url)
    with role(admin, "SET default_transaction_read_only = on") as url:
        admin.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {user(url)}".encode())
        with connect(url) as connection:
            require_current_schema(connection)
            with pytest.raises(StoreError, match="read-only: default_transaction_read_only is on"):
                require_ready_for_a_run(connection)


def test_whoever_may_not_log_in_is_told_what_to_do(postgres_url: str) -> None:
    with fresh_database(postgres_url) as url, psycopg.connect(url, autocommit=True) as admin:
        with role(admin, "NOLOGIN") as closed, pytest.raises(StoreError, match="is not permitted to log in") as caught:
            connect(closed)
        assert "name another user" in caught.value.hint
        with pytest.raises(StoreError, match='database "nowhere" does not exist') as caught:
            connect(make_conninfo(url, dbname="nowhere"))
        assert "create it" in caught.value.hint
        with pytest.raises(
            StoreError, match='of the service nowhere failed: definition of service "nowhere"'
        ) as caught:
            connect("service=nowhere")
        assert "PGSERVICEFILE" in caught.value.hint


def test_a_role_without_rights_on_the_old_systems_tables_is_told_what_it_lacks(legacy_database_url: str) -> None:
    with (
        psycopg.connect(legacy_database_url, autocommit=True) as admin,
        role(admin) as url,
        connect_readonly(url) as connection,
    ):
        for reads in (
            lambda: find_job(connection, "17", regions=REGIONS),
            lambda: recent_jobs(connection, 5, regions=REGIONS),
        ):
            with pytest.raises(StoreError, match=f"{user(url)} lacks a privilege: SELECT on executions, jobs"):
                reads()
