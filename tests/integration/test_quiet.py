"""--quiet: nothing but errors is printed, and the exit code says the rest."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.support.audit_jobs import JOB, seed
from tests.support.in_process import beacon
from tests.support.two_jobs import end

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("compare", JOB), 0, ""),
        (("compare", "another-job"), 1, "error: no job 'another-job'"),
        (("db", "migrate"), 0, ""),
        (("delete", JOB, "--yes"), 0, ""),
        (("prune", "--older-than", "1d", "--yes"), 0, ""),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_nothing_but_errors_is_printed(
    connection: Connection, database_url: str, arguments: tuple[str, ...], code: int, said: str
) -> None:
    seed(connection)
    end(connection)
    done = beacon(*arguments, "--quiet", url=database_url)
    assert (done.code, done.written) == (code, b"")
    assert done.err.startswith(said)
    assert done.err.count("error:") == said.count("error:")


def test_what_compare_finds_is_an_error(connection: Connection, database_url: str) -> None:
    seed(connection)
    connection.execute("DELETE FROM executions WHERE region = 'US'")
    done = beacon("compare", JOB, "-q", url=database_url)
    assert (done.code, done.written) == (1, b"")
    assert done.err.startswith("error: ")
