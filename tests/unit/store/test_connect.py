"""What is said about databases that cannot be used, and what never is."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.errors import StoreError
from beacon_cli.store.connect import connect, connection_parameters

PASSWORD = "canary-pa55"


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
    ],
)
def test_a_url_that_fails_never_shows_its_password(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        connect(url)
    assert PASSWORD not in str(caught.value) + caught.value.hint
    assert caught.value.__cause__ is None


@given(st.text(max_size=60))
def test_any_url_is_parsed_or_refused(url: str) -> None:
    with contextlib.suppress(StoreError):
        connection_parameters(url, statement_timeout="1s")


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1") as caught:
        connect("postgresql://user@127.0.0.1:1/db")
    assert caught.value.exit_code == 3
