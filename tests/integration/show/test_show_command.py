"""`beacon show` as a program: the answers of real rows, its JSON, what it says of names that are not there."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
from typing import Any

import psycopg
import pytest

from beacon_cli.store.text import storable
from tests.support.audit_jobs import JOB, MODELS, add_job, fingerprint, seed, seed_legacy
from tests.support.in_process import beacon, without_database

Connection = psycopg.Connection[tuple[Any, ...]]


def test_answers_stand_side_by_side_question_by_question(connection: Connection, database_url: str) -> None:
    seed(connection)
    connection.execute("UPDATE executions SET prompt = 'Why?', response = region || ' says ' || question_id")
    connection.execute("UPDATE executions SET response = 'Same.' WHERE question_id = 'greatest_leader'")
    before = fingerprint(connection)
    done = beacon("show", JOB, url=database_url)
    assert (done.code, done.err) == (0, "")
    assert [" ".join(line.split()) for line in done.out.splitlines()] == [
        *("math_basic", "Why?", "", "llama3.2-1b", "US EU ASIA"),
        *("US says math_basic EU says math_basic ASIA says math_basic", "", "qwen2.5-1.5b", "US EU ASIA"),
        *("US says math_basic EU says math_basic ASIA says math_basic", "", "greatest_leader", "Why?", ""),
        *("llama3.2-1b", "all regions Same.", "", "qwen2.5-1.5b", "all regions Same.", ""),
    ]
    assert fingerprint(connection) == before


def test_the_json_written_out_by_hand(connection: Connection, database_url: str) -> None:
    seed(connection)
    connection.execute(
        "UPDATE executions SET status = 'failed', response = NULL, error_code = 'server_error',"
        " error_message = 'HTTP 500' WHERE region = 'EU'"
    )
    done = beacon("show", JOB, "--question", "math_basic", "--model", MODELS[0], "--json", url=database_url)
    assert (done.code, done.err) == (0, "")
    asked = {"position": 0, "question_id": "math_basic", "prompt": None, "model_id": MODELS[0], "repeat": 0, "arm": 0}
    said = {"status": "completed", "seconds": 1.0, "error_code": None, "error_message": None}
    said |= {"finish_reason": None, "thought": None, "tags": []}
    failed = {"status": "failed", "response": None, "error_code": "server_error", "error_message": "HTTP 500"}
    text = "What llama3.2-1b has to say in {} of math_basic."
    assert done.document == {
        "schema_version": 1,
        "command": "show",
        "ok": True,
        "data": {
            "job_id": JOB,
            "system_prompts": {},
            "reason": None,
            "answers": [
                asked | said | {"region": "US", "response": text.format("US")},
                asked | said | failed | {"region": "EU"},
                asked | said | {"region": "ASIA", "response": text.format("ASIA")},
            ],
        },
        "errors": [],
    }


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (["--question", "maths"], "usage", f"job {JOB} has no question 'maths'", "did you mean math_basic?"),
        (["--model", "mistral"], "usage", f"job {JOB} has no model 'mistral'", "it has: llama3.2-1b, qwen2.5-1.5b"),
        (
            ["--follow"],
            "usage",
            "--follow prints lines, but --json prints one document",
            "beacon run JOB_FILE --events FILE writes both",
        ),
    ],
)
def test_failures_in_json_written_out_by_hand(
    connection: Connection, database_url: str, arguments: list[str], code: str, message: str, hint: str
) -> None:
    seed(connection)
    done = beacon("show", JOB, *arguments, "--json", url=database_url)
    assert (done.code, done.err) == (2, "")
    assert done.document == {
        "schema_version": 1,
        "command": "show",
        "ok": False,
        "data": {},
        "errors": [{"code": code, "message": message, "hint": hint}],
    }


def test_a_question_that_was_not_asked_yet_is_one_of_the_job(connection: Connection, database_url: str) -> None:
    seed(connection)
    connection.execute("DELETE FROM executions WHERE question_id = 'math_basic'")
    done = beacon("show", JOB, "--question", "math_basic", url=database_url)
    assert (done.code, done.out) == (0, "no answers are stored yet\n")


def test_a_job_without_answers_says_so(connection: Connection, database_url: str) -> None:
    add_job(connection)
    assert beacon("show", JOB, url=database_url).out == "no answers are stored yet\n"
    assert beacon("show", JOB, "--json", url=database_url).document["data"] == {
        "job_id": JOB,
        "system_prompts": {},
        "reason": None,
        "answers": [],
    }


def test_hostile_answers_are_shown_as_escapes_and_exact_in_json(connection: Connection, database_url: str) -> None:
    hostile = "=cmd() \x1b[31mred\x1b[0m [bold]x[/bold] \x00 \ud800 \u202e"
    seed(connection)
    connection.execute(
        "UPDATE executions SET response = %s, error_message = %s", [storable(hostile), storable(hostile)]
    )
    connection.execute("UPDATE executions SET status = 'failed' WHERE region = 'EU'")
    done = beacon("show", JOB, url=database_url)
    assert done.code == 0
    assert "=cmd() \\x1b[31mred\\x1b[0m [bold]x[/bold] \\x00 \\ud800 \\u202e" in done.out
    assert not {"\x1b", "\x00", "\u202e"} & set(done.out)
    answers = beacon("show", JOB, "--json", url=database_url).document["data"]["answers"]
    assert {answer["response"] for answer in answers} == {hostile}


def test_a_locale_of_ascii_gets_escapes(connection: Connection, database_url: str) -> None:
    seed(connection)
    connection.execute("UPDATE executions SET response = 'Zürich 北京'")
    done = run_show(database_url, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING="")
    assert (done.returncode, without_database(done.stderr.decode())) == (0, "")
    assert b"Z\\xfcrich \\u5317\\u4eac" in done.stdout
    assert done.stdout.isascii()


def run_show(url: str, stdout: int = subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "beacon_cli", "show", JOB],
        env={**os.environ, "BEACON_DATABASE_URL": url, **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=300,
        check=False,
    )


def test_a_pager_gets_lines_as_wide_as_its_terminal(connection: Connection, database_url: str) -> None:
    seed(connection)
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 50, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-m", "beacon_cli", "show", JOB],
        env={**environment, "BEACON_DATABASE_URL": database_url, "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=300,
        check=True,
    )
    os.close(ours)
    os.close(theirs)
    assert 40 < max(map(len, done.stdout.decode().splitlines())) <= 50
    assert b"\x1b" not in done.stdout


def test_a_reader_that_has_enough_ends_it_quietly_with_141(connection: Connection, database_url: str) -> None:
    seed(connection)
    reading, writing = os.pipe()
    os.close(reading)
    done = run_show(database_url, writing)
    os.close(writing)
    assert (done.returncode, without_database(done.stderr.decode())) == (141, "")


def test_the_old_systems_answers_are_shown_too(legacy: Connection, legacy_database_url: str) -> None:
    seed_legacy(legacy)
    done = beacon("show", JOB, "--model", MODELS[0], url=legacy_database_url)
    assert (done.code, done.err) == (0, "")
    assert "What llama3.2-1b has to say in ASIA of math_basic." in " ".join(done.out.split())
    assert MODELS[1] not in done.out
    done = beacon("show", JOB, "--model", "llama", url=legacy_database_url)
    assert (done.code, done.err.splitlines()[1]) == (2, "hint: did you mean llama3.2-1b?")
    done = beacon("show", JOB, "--follow", url=legacy_database_url)
    assert (done.code, done.out) == (2, "")
    assert "cannot be followed" in done.err
