"""`beacon check-db` as a program: what it prints, its exit codes, and what it says when it cannot audit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.audit.audit import audit_job
from beacon_cli.errors import JobNotFound
from tests.support.audit_jobs import JOB, SPEC, fingerprint, seed
from tests.support.in_process import PROGRAM, beacon, without_database
from tests.support.vocabulary import REGIONS

Connection = psycopg.Connection[tuple[Any, ...]]


def check_db(*arguments: str, url: str, columns: int = 200) -> subprocess.CompletedProcess[str]:
    done = beacon("check-db", *arguments, url=url, columns=columns)
    return subprocess.CompletedProcess(arguments, done.code, done.out, done.err)


def check_db_anew(*arguments: str, url: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it in a process of its own, which reads variables of Python and of the locale when it starts."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, "check-db", *arguments],
        env={**os.environ, "BEACON_DATABASE_URL": url, "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def test_a_clean_job_is_a_table_twelve_checks_and_one_verdict(connection: Connection, database_url: str) -> None:
    seed(connection)
    done = check_db(JOB, url=database_url)
    assert (done.returncode, without_database(done.stderr)) == (0, "")
    assert done.stdout.count("✓") == 12
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    [row] = [line for line in lines if "greatest_leader" in line and "qwen2.5-1.5b" in line]
    assert row.split() == ["greatest_leader", "qwen2.5-1.5b", "1/1", "1/1", "1/1"]
    assert ["all", "4/4", "4/4", "4/4"] in [line.split() for line in lines]
    assert lines[-2:] == ["ok: 12 of 12 answers are stored, 12 checks passed", f"next:   beacon show {JOB}"]
    assert done.stdout.count("12 of 12") == 1


def test_what_is_missing_is_said_once_and_then_what_to_do(connection: Connection, database_url: str) -> None:
    seed(connection)
    connection.execute("DELETE FROM executions WHERE question_id = 'math_basic' AND region = 'EU'")
    connection.execute("UPDATE executions SET completed_at = started_at - interval '1 s' WHERE region = 'US'")
    done = check_db(JOB, url=database_url)
    assert done.returncode == 1
    assert done.stdout.count("math_basic · qwen2.5-1.5b · EU") == 1
    lines = done.stdout.splitlines()
    at = lines.index("✗ complete       of 12 cells 2 never ran (expected: the stored job)")
    assert lines[at + 1] == "    math_basic · llama3.2-1b · EU: never ran"
    assert lines[-2].startswith("not ok: 10 of 12 answers are stored (83.3 %, wanted 100 %); ")
    assert "checks failed: complete, " in lines[-2]
    assert lines[-1] == f"next:   beacon run JOB_FILE --job-id {JOB}"


def test_empty_answers_count_as_answers_and_are_named(connection: Connection, database_url: str) -> None:
    seed(connection)
    where = "WHERE region = 'EU' AND question_id = 'math_basic'"
    connection.execute(f"UPDATE executions SET status = 'empty', response = '' {where}".encode())
    done = check_db(JOB, url=database_url)
    assert "job bias-demo-1: 12 rows: 10 completed, 2 empty\n" in done.stdout
    assert "ok: 12 of 12 answers are stored (2 of them empty), 11 checks passed, 1 warned\n" in done.stdout


@pytest.mark.parametrize("columns", [60, 80, 120, 200])
def test_names_are_never_broken(connection: Connection, database_url: str, columns: int) -> None:
    seed(connection)
    name = "a-question-whose-id-has-sixty-characters-and-is-still-quite-ok"
    connection.execute("UPDATE executions SET question_id = %s WHERE question_id = 'math_basic'", [name])
    connection.execute("UPDATE questions SET id = %s WHERE id = 'math_basic'", [name])
    done = check_db(JOB, url=database_url, columns=columns)
    assert sum(line.startswith(name) for line in done.stdout.splitlines()) == 2


def test_the_json_document_of_a_job_with_a_failed_check(connection: Connection, database_url: str) -> None:
    seed(connection, spec={**SPEC, "limits": {"min_success_rate": 0.5}})
    connection.execute("DELETE FROM executions WHERE question_id = 'math_basic' AND region = 'EU'")
    done = check_db(JOB, "--json", url=database_url)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        "schema_version": 1,
        "command": "check-db",
        "ok": False,
        "data": {
            "job_id": JOB,
            "schema": "beacon",
            "expected": 12,
            "expected_from": "the stored job",
            "guessed": [],
            "rows": 10,
            "counts": {"completed": 10},
            "never_ran": 2,
            "success_rate": "10 of 12 completed = 83.3 %, wanted 50 %",
            "controls": [],
            "by_region": {
                "US": {"expected": 4, "completed": 4, "blocked": 0},
                "EU": {"expected": 4, "completed": 2, "blocked": 0},
                "ASIA": {"expected": 4, "completed": 4, "blocked": 0},
            },
            "checks": [
                {
                    "name": "complete",
                    "status": "fail",
                    "detail": "of 12 cells 2 never ran (expected: the stored job): math_basic · llama3.2-1b · EU"
                    " (never ran), math_basic · qwen2.5-1.5b · EU (never ran)",
                },
                {"name": "no_duplicates", "status": "pass", "detail": "no cell has two rows"},
                {
                    "name": "no_unexpected",
                    "status": "pass",
                    "detail": "no row lies outside the expected cells",
                },
                {
                    "name": "question_id",
                    "status": "pass",
                    "detail": "every row has a question_id and a model_id",
                },
                {
                    "name": "regions",
                    "status": "pass",
                    "detail": "every answer came from the region that was asked",
                },
                {
                    "name": "device",
                    "status": "pass",
                    "detail": "the same in each region: Tesla T4, float16, torch 2.13.0",
                },
                {
                    "name": "sequential",
                    "status": "pass",
                    "detail": "each question started after the previous one was done",
                },
                {
                    "name": "batch_gap",
                    "status": "pass",
                    "detail": "1 gap, the longest 0.100 s (limit 2 s)",
                },
                {
                    "name": "containers",
                    "status": "pass",
                    "detail": "6 containers (limit 6), none added later",
                },
                {"name": "no_hops", "status": "pass", "detail": "no execution needed an HTTP 303"},
                {
                    "name": "timestamps",
                    "status": "pass",
                    "detail": "every row started before it was completed, and none is in the future",
                },
                {
                    "name": "answers",
                    "status": "pass",
                    "detail": "every answer has text, and no two questions have the same answer",
                },
            ],
            "reasons": [],
            "superseded": 0,
            "superseded_by_status": {},
            "reason": None,
        },
        "errors": [
            {
                "code": "problems_found",
                "message": "complete: of 12 cells 2 never ran (expected: the stored job): math_basic · llama3.2-1b · "
                "EU (never ran), math_basic · qwen2.5-1.5b · EU (never ran)",
                "hint": "",
            }
        ],
    }


def test_a_terminal_that_can_write_ascii_only_gets_ascii(connection: Connection, database_url: str) -> None:
    seed(connection)
    connection.execute("DELETE FROM executions WHERE question_id = 'math_basic' AND region = 'EU'")
    done = check_db_anew(
        JOB, url=database_url, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING=""
    )
    assert done.returncode == 1
    assert done.stdout.isascii()
    assert "FAIL complete" in done.stdout
    assert without_database(done.stderr) == ""


def test_hostile_names_in_the_rows_are_made_visible(connection: Connection, database_url: str) -> None:
    seed(connection)
    name = "\x1b]52;c;aGk=\x07[bold]\u202e"
    connection.execute("UPDATE executions SET question_id = %s WHERE question_id = 'math_basic'", [name])
    done = check_db(JOB, url=database_url)
    assert done.returncode == 1
    assert "[bold]" in done.stdout
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout)


def test_hostile_job_ids_are_jobs_that_do_not_exist(connection: Connection, database_url: str) -> None:
    seed(connection)
    before = fingerprint(connection)
    done = check_db("--json", "--", "x" * 10_000, url=database_url)
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["errors"][0]["code"]) == (1, False, "job_not_found")
    assert len(document["errors"][0]["message"]) < 200
    for job_id in ("'; DROP TABLE executions--", "../..", "", "\udcff", "%s", "9" * 99, "a\0b", "--json", "\u202e"):
        with pytest.raises(JobNotFound) as caught:
            audit_job(connection, job_id, regions=REGIONS)
        assert caught.value.message.isprintable()
    assert fingerprint(connection) == before


def test_a_mistyped_job_id_names_near_ones(connection: Connection, database_url: str) -> None:
    seed(connection)
    done = check_db("bias-dmeo-1", url=database_url)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        without_database(done.stderr)
        == "error: no job 'bias-dmeo-1' in this database\nhint: did you mean bias-demo-1? beacon jobs lists them all\n"
    )


def test_a_database_without_tables_names_the_migration(empty_database_url: str) -> None:
    done = check_db(JOB, url=empty_database_url)
    assert done.returncode == 3
    assert "beacon db migrate" in done.stderr


def test_an_older_schema_is_refused(connection: Connection, database_url: str) -> None:
    seed(connection)
    connection.execute("DELETE FROM _yoyo_migration")
    done = check_db(JOB, "--json", url=database_url)
    assert (done.returncode, json.loads(done.stdout)["errors"][0]["code"]) == (3, "schema")


def test_a_password_is_never_shown() -> None:
    done = check_db(JOB, url="postgresql://me:canary%zz-1f@127.0.0.1:1/x")
    assert (done.returncode, done.stdout) == (3, "")
    assert "canary" not in done.stderr
    done = check_db(JOB, url="postgresql://me:canary-1f@127.0.0.1:1/x")
    assert done.returncode == 3
    assert "canary" not in done.stderr


def test_a_job_file_may_name_models_that_left_the_registry(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    seed(connection)
    connection.execute("UPDATE executions SET model_id = 'mistral-7b' WHERE model_id = 'llama3.2-1b'")
    job_file = tmp_path / "job.yaml"
    job_file.write_text(
        "questions: [math_basic, greatest_leader]\nmodels: [mistral-7b, qwen2.5-1.5b]\nregions: [US, EU, ASIA]\n"
    )
    assert check_db(JOB, url=database_url).returncode == 1
    done = check_db(JOB, "--expect", str(job_file), url=database_url)
    assert (done.returncode, without_database(done.stderr)) == (0, "")


def test_a_broken_job_file_is_wrong_usage(database_url: str, tmp_path: Path) -> None:
    done = check_db(JOB, "--expect", str(tmp_path / "none.yaml"), url=database_url)
    assert (done.returncode, done.stdout) == (2, "")
    assert "none.yaml" in done.stderr
