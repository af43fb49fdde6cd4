"""What is said about databases that cannot be used, and what never is."""

from __future__ import annotations

import atexit
import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from beacon_cli.errors import StoreError
from beacon_cli.store.address import address_of
from beacon_cli.store.connect import connect, store_error

PASSWORD = "canary-pa55"


def parameters(url: str) -> dict[str, str]:
    return address_of(url, statement_timeout="1s").parameters


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://user:{PASSWORD}@127.0.0.1:1/db",
        f"postgresql://user:{PASSWORD}@127.0.0.1:notaport/db",
        f"postgresql://user:{PASSWORD}@[::1/db",
        f"postgresql://user:{PASSWORD}%zz@127.0.0.1/db",
        f"host=127.0.0.1 port=1 password='{PASSWORD}",
        f"host=127.0.0.1 port=1 password={PASSWORD} nonsense",
        f"mysql://user:{PASSWORD}@host/db",
        f"{PASSWORD}",
        f"host=127.0.0.1 port={PASSWORD}",
        f"host=user:{PASSWORD} port=1",
        f"host=127.0.0.1 port=1 dbname=x@{PASSWORD}",
    ],
)
def test_a_url_that_fails_never_shows_its_password(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        connect(url)
    assert PASSWORD not in str(caught.value) + caught.value.hint
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("password", ["sek/ret", "se@k@ret", "sek@ret", "se?kret", "se#kret", "@sekret", "s/e?k=r@ret"])
@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_password_with_special_characters_must_be_encoded(scheme: str, password: str) -> None:
    with pytest.raises(StoreError, match="cannot be parsed") as caught:
        connect(f"{scheme}://u:{password}@127.0.0.1:1/db")
    assert "percent-encoded" in caught.value.hint
    assert not re.search("sek|kret|ret@", caught.value.message)


def test_an_encoded_password_and_an_at_sign_in_a_query_are_understood() -> None:
    given = parameters("postgresql://u:s%40e%2Fk@h:7/db?application_name=me@work&options=-csearch_path%3Dx")
    assert (given["password"], given["host"], given["dbname"]) == ("s@e/k", "h", "db")
    assert given["application_name"] == "me@work"


@pytest.mark.parametrize(
    "url", ["postgresql://u:p%ff@h/db", "postgresql://\udcff@h/db", "host=a..b", f"host={'x' * 70}"]
)
def test_what_is_no_text_or_no_host_name_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="cannot be parsed"):
        connect(url)


@given(st.text(max_size=60))
def test_any_url_is_parsed_or_refused(url: str) -> None:
    with contextlib.suppress(StoreError):
        parameters(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_a_server_that_is_not_there_is_named(host: str) -> None:
    with pytest.raises(StoreError, match=re.escape(f"db at {host}:1 ")) as caught:
        connect(f"postgresql://user@{host}:1/db")
    assert caught.value.exit_code == 3


def test_variables_that_took_part_in_a_failed_connection_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    with pytest.raises(StoreError, match=r"db at 127\.0\.0\.1:1 failed: Connection refused") as caught:
        connect("postgresql://user@127.0.0.1/db")
    assert caught.value.hint.endswith("; set in the environment: PGPASSWORD, PGPORT")
    assert PASSWORD not in caught.value.message + caught.value.hint


def test_a_password_is_cut_out_of_what_the_library_says_or_nothing_of_that_is_shown() -> None:
    said = psycopg.OperationalError("the words: canary and abc")
    assert store_error(said, {"password": "canary"}).message.endswith("the words: *** and abc")
    assert store_error(said, {"password": "abc"}).message.endswith("failed: OperationalError")


@pytest.fixture(scope="module")
def guarded_url() -> Iterator[str]:
    """A server that wants a password of the role `guarded`."""
    from beacon_cli.store.embedded import embedded_server

    # Not pytest's tmp_path: as root the server runs as a user of its own, to which that folder is closed.
    folder = Path(tempfile.mkdtemp(prefix="beacon-tests-"))
    folder.chmod(0o755)
    # Registered before the server's library registers its own cleaning, which makes a file there: so it runs after.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with embedded_server(folder) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'".encode())
            (name,) = connection.execute("SHOW hba_file").fetchone() or ("",)
            rules = Path(str(name))
            rules.write_text(f"local all guarded scram-sha-256\n{rules.read_text()}")
            connection.execute("SELECT pg_reload_conf()")
        yield url


@pytest.mark.parametrize("wrong", ["wrong-canary", "abc", "password"])
def test_a_wrong_password_is_said_to_be_wrong_and_not_shown(guarded_url: str, wrong: str) -> None:
    connect(make_conninfo(guarded_url, user="guarded", password=PASSWORD)).close()
    with pytest.raises(StoreError, match="refused the user or the password") as caught:
        connect(make_conninfo(guarded_url, user="guarded", password=wrong))
    assert wrong not in caught.value.message.replace("the user or the password", "")


def test_options_of_the_environment_are_kept_and_those_of_the_url_win(
    guarded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c search_path=elsewhere")
    with connect(guarded_url) as connection:
        assert connection.execute("SHOW search_path").fetchone() == ("elsewhere",)
        assert connection.execute("SHOW statement_timeout").fetchone() == ("1min",)
    with connect(make_conninfo(guarded_url, options="-c search_path=here")) as connection:
        assert connection.execute("SHOW search_path").fetchone() == ("here",)


def test_a_silent_network_is_noticed_and_the_url_decides_how_soon() -> None:
    assert (
        parameters("postgresql://h/db").items()
        >= {
            "keepalives_idle": "15",
            "keepalives_interval": "5",
            "keepalives_count": "3",
            "tcp_user_timeout": "20000",
        }.items()
    )
    given = parameters("postgresql://h/db?keepalives_idle=60&tcp_user_timeout=0")
    assert (given["keepalives_idle"], given["keepalives_count"], given["tcp_user_timeout"]) == ("60", "3", "0")
