"""`beacon doctor` on databases that work, and on those that do not."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import make_conninfo

from tests.integration.checkup.conftest import Doctor
from tests.integration.conftest import url_of
from tests.support.ports import free_port


def test_a_good_database_is_described(doctor: Doctor, database_url: str) -> None:
    doctor.set(BEACON_DATABASE_URL=database_url)
    _, lines = doctor()
    assert lines["database"][0] == "ok"
    assert lines["database"][1].startswith("PostgreSQL 18.")
    assert lines["database"][1].endswith("(from BEACON_DATABASE_URL)")
    assert lines["database.rights"][:2] == ("ok", "the role postgres may do what a run needs")
    assert lines["database.schema"] == ("ok", "up to date", "")
    assert lines["database.clock"][0] == "ok"


def test_a_database_that_is_down(doctor: Doctor) -> None:
    password = "correct-horse-battery"
    doctor.set(DATABASE_URL=f"postgresql://me:{password}@127.0.0.1:{free_port()}/shop")
    code, out = doctor.run("--json")
    assert (code, password in out) == (1, False)
    _, lines = doctor()
    status, what, to_do = lines["database"]
    assert status == "failed"
    assert what.startswith("DATABASE_URL: the database shop at 127.0.0.1:")
    assert "Connection refused" in what
    assert to_do.startswith("check DATABASE_URL, and that the server is running")


def test_a_database_with_an_old_schema(doctor: Doctor, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM _yoyo_migration WHERE migration_id LIKE '0007%'")
    _, lines = doctor("--database-url", database_url)
    status, what, to_do = lines["database.schema"]
    assert (status, to_do) == ("failed", "run: beacon db migrate")
    assert "the database's schema is older than this program (not applied: 0007" in what


def test_a_database_without_tables(doctor: Doctor, empty_database_url: str) -> None:
    _, lines = doctor("--database-url", empty_database_url)
    assert lines["database.schema"][0] == "failed"
    assert lines["database.schema"][2] == "run: beacon db migrate"


def test_a_role_without_rights(doctor: Doctor, postgres_url: str, database_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("CREATE ROLE reader LOGIN")
        try:
            _, lines = doctor(
                "--database-url", make_conninfo(url_of(postgres_url, name_of(database_url)), user="reader")
            )
        finally:
            admin.execute("DROP ROLE reader")
    status, what, to_do = lines["database.rights"]
    assert status == "failed"
    assert what.startswith(
        "the database role reader lacks a privilege: SELECT on _yoyo_migration, superseded_executions;"
    )
    assert to_do.startswith("the owner of the tables can grant it; beacon docs database lists")
    assert lines["database.schema"][0] == "skipped"


def test_a_clock_that_differs_from_the_databases(doctor: Doctor, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:  # what `clock_timestamp()` then means there
        connection.execute(
            "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql"
            " AS $$ SELECT pg_catalog.clock_timestamp() + interval '1 hour' $$"
        )
        connection.execute(f"ALTER DATABASE {name_of(database_url)} SET search_path = public, pg_catalog".encode())
    _, lines = doctor("--database-url", database_url)
    status, what, to_do = lines["database.clock"]
    assert status == "warning"
    assert what.startswith("this machine's clock is 1h 00m behind the database's")
    assert to_do == "set the clock of the machine that is wrong, by NTP for example"


def name_of(url: str) -> str:
    return url.rpartition("@/")[2].partition("?")[0]
