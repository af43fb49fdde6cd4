"""An unknown job is the same answer everywhere; a script's job id is never guessed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.records.newest_jobs import newest_jobs
from tests.support.audit_jobs import JOB, seed, seed_legacy
from tests.support.in_process import beacon

Connection = psycopg.Connection[tuple[Any, ...]]
READING = [["show"], ["show", "--follow"], ["check-db"], ["compare"], ["report"], ["export"]]
IN_JSON = [["show"], ["check-db"], ["compare"], ["report"], ["export", "-o", "rows.jsonl"]]


def named(command: list[str], job_id: str) -> list[str]:
    return [command[0], job_id, *command[1:]]


@pytest.mark.parametrize("command", READING)
def test_an_unknown_job_is_exit_1_and_the_hint_says_which_there_are(
    connection: Connection, database_url: str, command: list[str]
) -> None:
    seed(connection)
    done = beacon(*named(command, "bias-dmeo-1"), url=database_url)
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [
        "error: no job 'bias-dmeo-1' in this database",
        f"hint: did you mean {JOB}? beacon jobs lists them all",
    ]
    assert f"the newest are {JOB}; beacon jobs lists them all" in beacon(*named(command, "?"), url=database_url).err


@pytest.mark.parametrize("command", IN_JSON)
def test_an_unknown_job_in_json(
    connection: Connection,
    database_url: str,
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    seed(connection)
    done = beacon(*named(command, "nothing"), "--json", url=database_url)
    [error] = done.document["errors"]
    assert (done.code, done.document["ok"], error["code"]) == (1, False, "job_not_found")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", READING)
@pytest.mark.parametrize("guess", ["@last", "bias"])
def test_without_a_terminal_only_whole_ids_are_known(
    connection: Connection, database_url: str, command: list[str], guess: str
) -> None:
    seed(connection)
    done = beacon(*named(command, guess), url=database_url)
    assert (done.code, done.out) == (1, "")
    assert JOB in done.err


def add(connection: Connection, *job_ids: str) -> None:
    """Store jobs without a row, each newer than the one before."""
    for number, job_id in enumerate(job_ids):
        connection.execute(
            "INSERT INTO jobs (id, spec, spec_sha256, batching, created_at)"
            " VALUES (%s, %s, 'x', 'lane', now() + make_interval(secs => %s))",
            [job_id, json.dumps({}), number],
        )


@pytest.fixture
def four_jobs(connection: Connection, database_url: str) -> str:
    """The URL of a database with four jobs."""
    add(connection, "demo", "demo-1", "demo-2", "other")
    return database_url


@pytest.mark.parametrize(("given", "meant"), [("@last", "other"), ("oth", "other"), ("demo-1", None), ("demo", None)])
def test_on_a_terminal_the_chosen_job_is_said_unless_it_was_named(
    four_jobs: str, given: str, meant: str | None
) -> None:
    done = beacon("show", given, url=four_jobs, terminal=True)
    said = f"job {meant}\n" if meant else ""
    assert (done.code, done.out, done.err) == (0, "no answers are stored yet\n", said)


def test_on_a_terminal_the_beginning_of_several_ids_lists_them(four_jobs: str) -> None:
    done = beacon("export", "demo-", url=four_jobs, terminal=True)
    assert done.code == 2
    assert done.err.splitlines() == [
        "error: several jobs begin with 'demo-'",
        "hint: write more of the id: demo-2, demo-1; beacon jobs lists all jobs",
    ]


@pytest.mark.parametrize("command", READING)
def test_on_a_terminal_every_command_that_reads_takes_the_last(
    connection: Connection, database_url: str, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seed(connection)
    connection.execute("UPDATE jobs SET status = 'completed'")  # what nobody has run is followed until somebody does
    done = beacon(*named(command, "@last"), url=database_url, terminal=True)
    assert len(re.findall(rf"^job {JOB}[:\n]", done.out + done.err, re.MULTILINE)) == 1
    assert "job_not_found" not in done.out + done.err


def test_in_json_nothing_is_guessed_on_a_terminal(four_jobs: str) -> None:
    done = beacon("show", "oth", "--json", url=four_jobs, terminal=True)
    [error] = done.document["errors"]
    assert (done.code, error["code"]) == (1, "job_not_found")
    assert "no job 'oth'" in error["message"]


def test_the_newest_jobs_come_first_and_a_beginning_is_no_pattern(connection: Connection) -> None:
    add(connection, "a_1", "ab1", "a_2", "b")
    assert [job.id for job in newest_jobs(connection, "")] == ["b", "a_2", "ab1", "a_1"]
    assert [job.id for job in newest_jobs(connection, "a_")] == ["a_2", "a_1"]
    assert [job.id for job in newest_jobs(connection, "", 1)] == ["b"]
    assert newest_jobs(connection, "%") == ()


def test_the_old_systems_jobs_are_found_too(legacy: Connection) -> None:
    seed_legacy(legacy)
    assert [job.id for job in newest_jobs(legacy, "bias")] == [JOB]


def test_a_database_without_tables_has_no_jobs(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        assert newest_jobs(connection, "") == ()
