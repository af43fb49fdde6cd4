"""Jobs that an earlier version began, in the tables that it made: resumed, audited, compared and deleted today.

`earlier_versions` has what `pg_dump --column-inserts` wrote of their databases (without comments and settings), after
the job of `tests/support/operator.py` was stopped there by Ctrl-C: 7 of 12 answers are stored, 5 cells are cancelled.
`keys.json` has the keys of the JSON documents that those versions wrote of the resumed job, by command.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.in_process import beacon
from tests.support.operator import Operator
from tests.support.regions_server import Regions, regions_server

FOLDER = Path(__file__).parent / "earlier_versions"
VERSIONS = sorted(path.stem for path in FOLDER.glob("*.sql"))
ROWS = (
    "SELECT id, run_id, question_id, model_id, region, repeat, response, output_data, receipt_data, created_at"
    " FROM executions WHERE status = 'completed' ORDER BY id"
)
TIMES = (
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_name IN ('jobs', 'runs', 'executions')"
    " AND table_schema = 'public' AND data_type = 'timestamp with time zone'"
)
GONE = "data.verdicts.indistinguishable"
"""The one verdict that was renamed, on purpose: CHANGELOG.md says so."""


@pytest.fixture(params=VERSIONS)
def url(request: pytest.FixtureRequest, empty_database_url: str) -> str:
    """The URL of a database as an earlier version left it just now: answers of different days cannot be compared."""
    with psycopg.connect(empty_database_url) as connection:
        connection.execute((FOLDER / f"{request.param}.sql").read_bytes())
        connection.execute("SET search_path = public")
        columns = connection.execute(TIMES.encode()).fetchall()
        ago = connection.execute("SELECT now() - max(created_at) FROM executions").fetchone()
        for table, column in columns:
            connection.execute(f"UPDATE {table} SET {column} = {column} + %s".encode(), ago)
    return empty_database_url


@pytest.fixture
def operator(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    return Operator(tmp_path, url, monkeypatch)


def keys(value: Any, at: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield f"{at}.{key}".lstrip(".")
            yield from keys(each, f"{at}.{key}")
    elif isinstance(value, list):
        for each in value:
            yield from keys(each, f"{at}[]")


def test_a_job_that_was_begun_is_resumed_judged_and_deleted(operator: Operator, url: str) -> None:
    refused = beacon("show", "operators", url=url)
    assert refused.code == 3
    assert "the database's schema is older than this program" in refused.err
    assert beacon("db", "migrate", url=url).code == 0
    with psycopg.connect(url, autocommit=True) as connection:
        before = connection.execute(ROWS.encode()).fetchall()
        audited = beacon("check-db", "operators", "--json", url=url)
        failed = [check["name"] for check in audited.document["data"]["checks"] if check["status"] == "fail"]
        assert (audited.code, failed) == (1, ["complete"])
        with regions_server(Regions()) as regions:
            operator.uses(regions.environment())
            done, data = operator.run()
        assert (done.code, done.document["errors"], data["counts"]["completed"]) == (0, [], 12)
        assert sum(regions.seen.values()) == 5
        assert connection.execute(ROWS.encode()).fetchall()[: len(before)] == before
        assert "fail" not in operator.audit().values()
        [listed] = beacon("jobs", "--json", url=url).document["data"]["jobs"]
        assert (listed["status"], listed["answered"], listed["expected"]) == ("completed", 12, 12)
        for command in (["compare", "operators", "--accept", "time"], ["costs", "operators"], ["show", "operators"]):
            assert beacon(*command, "--json", url=url).code == 0, command
        assert beacon("delete", "operators", "--yes", url=url).code == 0
        assert connection.execute("SELECT count(*) FROM executions").fetchone() == (0,)


@pytest.mark.parametrize("url", VERSIONS[-1:], indirect=True)
def test_scripts_find_every_key_that_they_knew(operator: Operator, url: str) -> None:
    beacon("db", "migrate", url=url)
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        for command, known in json.loads((FOLDER / "keys.json").read_text()).items():
            document = beacon(*command.split(), "--json", url=url).document
            assert set(known) - set(keys(document)) <= {GONE}, command
            assert document["schema_version"] == 1
