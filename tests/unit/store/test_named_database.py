"""Which database is used, and how one that cannot be used names what named it."""

from __future__ import annotations

import os

import pytest

from beacon_cli.config import load_settings
from beacon_cli.errors import JobLocked, SchemaError, StoreError
from beacon_cli.store.database import NamedDatabase, ignore_libpq_variables, named_database, named_url

OURS, SHARED, FLAG = "BEACON_DATABASE_URL", "DATABASE_URL", "--database-url"


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("BEACON_")] + [SHARED]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(str(tmp_path))


def named(monkeypatch: pytest.MonkeyPatch, flag: str | None = None, **variables: str) -> NamedDatabase | None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return named_database(load_settings(), flag)


def test_the_flag_wins_then_our_variable_then_the_shared_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert named(monkeypatch) is None
    assert named(monkeypatch, DATABASE_URL="postgresql://c/x") == NamedDatabase("postgresql://c/x", SHARED)
    ours = named(monkeypatch, BEACON_DATABASE_URL=" postgresql://b/x\n")
    assert ours == NamedDatabase("postgresql://b/x", OURS)
    assert named(monkeypatch, "postgresql://a/x") == NamedDatabase("postgresql://a/x", FLAG)


def test_the_embedded_one_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHARED, "mysql://another-project/x")
    assert named_url(load_settings(), "embedded") is None
    monkeypatch.setenv(OURS, "embedded")
    assert named_url(load_settings()) is None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://u:canary@h/x", "is a mysql:// URL"),
        ("sqlite:///x.db", "is a sqlite:// URL"),
        ("postgresql+asyncpg://u:canary@h/x", "is a postgresql+asyncpg:// URL"),
        ("canary://h/x", "is not a PostgreSQL URL"),
    ],
)
@pytest.mark.parametrize("source", [OURS, SHARED, FLAG])
def test_another_programs_url_is_refused_with_its_source_and_a_way_out(
    url: str, said: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source != FLAG:
        monkeypatch.setenv(source, url)
    with pytest.raises(StoreError) as caught:
        named_database(load_settings(), url if source == FLAG else None)
    assert caught.value.message == f"{source} {said}, and Beacon stores answers in PostgreSQL"
    assert ("BEACON_DATABASE_URL=embedded" in caught.value.hint) is (source == SHARED)
    assert "embedded" in caught.value.hint
    assert "canary" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("error", [StoreError("it failed", hint="try"), SchemaError("it has no tables", hint="try")])
def test_what_goes_wrong_with_a_database_names_what_named_it(error: StoreError) -> None:
    with pytest.raises(StoreError) as caught, NamedDatabase("postgresql://h/x", SHARED).blamed():
        raise error
    assert caught.value.message.startswith("DATABASE_URL: it ")
    assert caught.value.hint.startswith("try; if DATABASE_URL belongs to another project: ")


def test_what_is_no_fault_of_the_database_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(JobLocked) as caught, NamedDatabase("postgresql://h/x", SHARED).blamed():
        raise JobLocked("job x is being run")
    assert (caught.value.message, caught.value.hint) == ("job x is being run", "")


def test_the_line_shows_no_password(caplog: pytest.LogCaptureFixture) -> None:
    NamedDatabase("postgresql://me:canary@db.example:6432/shop?sslmode=require", SHARED).announce()
    assert caplog.messages == ["database: shop at db.example:6432 (from DATABASE_URL)"]


@pytest.mark.parametrize(
    ("url", "variables", "said"),
    [
        ("postgresql://", {"PGHOST": "db", "PGPORT": "7", "PGDATABASE": "x"}, "x at db:7"),
        ("postgresql:///y", {"PGSERVICE": "main"}, "y of the service main"),
        ("postgresql://h/y", {"PGHOST": "db"}, "y at h:5432"),
    ],
)
def test_the_line_follows_libpqs_variables(
    url: str, variables: dict[str, str], said: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    NamedDatabase(url, OURS).announce()
    assert caplog.messages == [f"database: {said} (from {OURS})"]


def test_libpqs_variables_are_taken_out_of_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGPORT", "PGSERVICE", "PGTZ", "PG_COLOR", "PGPASSWORD"):
        monkeypatch.setenv(name, "x")
    ignore_libpq_variables()
    assert {name for name in os.environ if name.startswith("PG")} == {"PG_COLOR"}
