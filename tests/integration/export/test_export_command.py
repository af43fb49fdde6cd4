"""`beacon export` as a program: what it writes from real rows, its JSON, its exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet
import pytest

from beacon_cli.console.formatting import size
from beacon_cli.export import export
from beacon_cli.export.columns import row_of
from beacon_cli.extras import how_to_install
from beacon_cli.store.text import storable, storable_json
from tests.support.audit_jobs import (
    DEVICE,
    JOB,
    MODELS,
    QUESTIONS,
    START,
    add_execution,
    add_job,
    add_run,
    fingerprint,
    seed,
    seed_legacy,
    text_of,
)
from tests.support.in_process import beacon, without_database

Connection = psycopg.Connection[tuple[Any, ...]]
FORMATS = ("jsonl", "csv", "parquet")
HOSTILE = '=cmd()|\'\x00\ud800\x1b[31m[bold]\u202e\r\n"quoted", and so on'


def exported(chosen: str, url: str, folder: Path, *arguments: str) -> list[dict[str, Any]]:
    path = folder / f"answers.{chosen}"
    done = beacon("export", JOB, "-o", str(path), *arguments, url=url)
    assert (done.code, done.err) == (0, "")
    if chosen == "jsonl":
        return [json.loads(line) for line in path.read_bytes().splitlines()]
    if chosen == "csv":
        return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")))
    return list(pyarrow.parquet.read_table(path).to_pylist())


@pytest.mark.parametrize("chosen", FORMATS)
def test_every_execution_is_a_row_in_the_jobs_order(
    connection: Connection, database_url: str, tmp_path: Path, chosen: str
) -> None:
    seed(connection)
    before = fingerprint(connection)
    rows = exported(chosen, database_url, tmp_path)
    assert [(row["question_id"], row["model_id"], row["region"]) for row in rows] == [
        (question, model, region) for question in QUESTIONS for model in MODELS for region in ("US", "EU", "ASIA")
    ]
    assert [row["response"] for row in rows] == [
        text_of(row["question_id"], row["model_id"], row["region"]) for row in rows
    ]
    assert {str(row["schema_version"]) for row in rows} == {"1"}
    assert {float(row["seconds"]) for row in rows} == {1.0}
    assert fingerprint(connection) == before
    assert [each.name for each in tmp_path.iterdir()] == [f"answers.{chosen}"]


def test_a_row_in_json_written_out_by_hand(connection: Connection, database_url: str) -> None:
    seed(connection)
    receipt = {"provenance": {"architecture": "scripted"}, "output": {"metadata": {"temperature": 0.5}}}
    connection.execute(
        "UPDATE executions SET prompt = 'Why?', attempts = 2, hops = 1, provider_id = 'p', http_status = 200,"
        " created_at = started_at, receipt_data = %s",
        [json.dumps(receipt)],
    )
    done = beacon("export", JOB, url=database_url)
    assert (done.code, done.err) == (0, "")
    first = json.loads(done.out.splitlines()[0])
    assert first.pop("run_id").count("-") == 4
    assert first == {
        "schema_version": 1,
        "job_id": JOB,
        "position": 0,
        "question_id": "math_basic",
        "model_id": "llama3.2-1b",
        "region": "US",
        "repeat": 0,
        "status": "completed",
        "prompt": "Why?",
        "system_prompt": None,
        "response": "What llama3.2-1b has to say in US of math_basic.",
        "error_code": None,
        "error_message": None,
        "http_status": 200,
        "attempts": 2,
        "hops": 1,
        "queued_at": "2026-01-02T03:04:05.000000+00:00",
        "started_at": "2026-01-02T03:04:05.000000+00:00",
        "completed_at": "2026-01-02T03:04:06.000000+00:00",
        "created_at": "2026-01-02T03:04:05.000000+00:00",
        "seconds": 1.0,
        "provider_id": "p",
        "container_id": "ta-us-llama3.2-1b",
        "container_region": "us-ashburn-1",
        "answered_region": "us",
        "model_revision": None,
        "gpu": "Tesla T4",
        "architecture": "scripted",
        "model_registry": None,
        "temperature": 0.5,
        "max_tokens": None,
        "tokens_generated": None,
        "function_call_id": None,
        "output_data": {"success": True, "region": "us", **DEVICE},
        "receipt_data": receipt,
        "answer_text": "What llama3.2-1b has to say in US of math_basic.",
        "thought": None,
        "finish_reason": None,
        "effective_system_prompt": None,
        "effective_region": None,
        "arm": 0,
        "effective_model": None,
        "tags": None,
        "precision": "float16",
        "libraries": "torch 2.13.0",
        "sent": None,
        "sent_model": None,
        "asked_at": None,
    }


def add_hostile(connection: Connection) -> None:
    add_job(connection)
    document = {"text\x00": HOSTILE, "deep": [[HOSTILE]]}
    hostile = {"response": storable(HOSTILE), "error_message": storable(HOSTILE), "status": "failed"}
    hostile |= dict.fromkeys(("output_data", "receipt_data"), json.dumps(storable_json(document)))
    add_execution(connection, add_run(connection), "math_basic", MODELS[0], "US", at=START, **hostile)


@pytest.mark.fault(52, "a stored answer that begins with =cmd(), and holds NUL, a lone surrogate and escape sequences")
def test_hostile_answers_come_out_as_they_came_or_as_is_documented(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    add_hostile(connection)
    document = {"text\x00": HOSTILE, "deep": [[HOSTILE]]}
    shown = HOSTILE.replace("\ud800", "\\ud800")
    for chosen, text in (("jsonl", HOSTILE), ("parquet", shown), ("csv", "'" + shown.replace("\x00", "\\u0000"))):
        [row] = exported(chosen, database_url, tmp_path)
        assert (row["response"], row["error_message"]) == (text, text)
        found = row["output_data"]
        assert (found if chosen == "jsonl" else json.loads(found)) == document


def test_a_csv_on_a_terminal_shows_control_characters_as_escapes(connection: Connection, database_url: str) -> None:
    add_hostile(connection)
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "beacon_cli", "export", JOB, "--format", "csv"]
    environment = {**os.environ, "BEACON_DATABASE_URL": database_url}
    with subprocess.Popen(command, env=environment, stdout=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                shown += os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
    os.close(ours)
    assert process.returncode == 0
    assert b"schema_version,job_id" in shown
    assert b"\\x1b[31m" in shown
    assert b"\x1b" not in shown


def test_stdout_holds_utf8_whatever_the_locale(connection: Connection, database_url: str) -> None:
    seed(connection)
    connection.execute("UPDATE executions SET response = 'Zürich 北京'")
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    command = [sys.executable, "-m", "beacon_cli", "export", JOB, "--format", "csv"]
    environment = {**os.environ, **environment, "BEACON_DATABASE_URL": database_url}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False)
    assert (done.returncode, without_database(done.stderr.decode())) == (0, "")
    assert done.stdout.decode("utf-8").count("Zürich 北京") == 24  # `response` and `answer_text`


def test_one_question_and_one_model_can_be_chosen(connection: Connection, database_url: str, tmp_path: Path) -> None:
    seed(connection)
    rows = exported("csv", database_url, tmp_path, "--question", "math_basic", "--model", MODELS[1])
    assert {(row["question_id"], row["model_id"]) for row in rows} == {("math_basic", MODELS[1])}
    assert len(rows) == 3


def test_the_json_of_an_export_written_out_by_hand(connection: Connection, database_url: str, tmp_path: Path) -> None:
    seed(connection)
    path = tmp_path / "answers.csv"
    done = beacon("export", JOB, "-o", str(path), "--json", url=database_url)
    assert (done.code, done.err) == (0, "")
    assert done.document == {
        "schema_version": 1,
        "command": "export",
        "ok": True,
        "data": {
            "job_id": JOB,
            "format": "csv",
            "path": str(path),
            "rows": 12,
            "bytes": path.stat().st_size,
            "schema_version": 1,
        },
        "errors": [],
    }


def test_people_are_told_what_was_written(connection: Connection, database_url: str, tmp_path: Path) -> None:
    seed(connection)
    path = tmp_path / "answers.parquet"
    done = beacon("export", JOB, "-o", str(path), url=database_url)
    assert done.out == f"wrote 12 rows, {size(path.stat().st_size)}, as parquet to {path}\n"


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["--format", "parquet"], "parquet is not written to stdout", "name a file with -o FILE"),
        (["--question", "math_basci"], f"job {JOB} has no question 'math_basci'", "did you mean math_basic?"),
        (["--model", "gpt"], f"job {JOB} has no model 'gpt'", "it has: llama3.2-1b, qwen2.5-1.5b"),
        (["--model", "\udcff\x00"], f"job {JOB} has no model '\\udcff\\x00'", "it has: llama3.2-1b, qwen2.5-1.5b"),
        (["-o", "a.xlsx"], "cannot tell the format from 'a.xlsx'", "add --format jsonl, csv or parquet"),
    ],
)
def test_wrong_usage_is_2_and_says_what_to_do(
    connection: Connection, database_url: str, arguments: list[str], message: str, hint: str
) -> None:
    seed(connection)
    done = beacon("export", JOB, *arguments, url=database_url)
    assert (done.code, done.written) == (2, b"")
    assert done.err == f"error: {message}\nhint: {hint}\n"


def test_failures_in_json_written_out_by_hand(connection: Connection, database_url: str, tmp_path: Path) -> None:
    seed(connection)
    done = beacon("export", JOB, "--json", url=database_url)
    assert done.code == 2
    assert done.document == {
        "schema_version": 1,
        "command": "export",
        "ok": False,
        "data": {},
        "errors": [
            {
                "code": "usage",
                "message": "--json prints a document on stdout, so the rows need a file",
                "hint": "name one with -o FILE",
            }
        ],
    }
    path = tmp_path / "missing" / "answers.csv"
    done = beacon("export", JOB, "-o", str(path), "--json", url=database_url)
    assert done.code == 3
    assert done.document["errors"] == [
        {
            "code": "environment",
            "message": f"cannot write {path}: No such file or directory",
            "hint": "no file was written; use --output with a file that can be written",
        }
    ]
    done = beacon("export", "nothing", "-o", str(tmp_path / "a.csv"), "--json", url=database_url)
    assert (done.code, done.document["errors"][0]["code"]) == (1, "job_not_found")
    assert [each.name for each in tmp_path.iterdir()] == []


def test_a_dash_is_stdout(connection: Connection, database_url: str) -> None:
    seed(connection)
    assert beacon("export", JOB, "-o", "-", url=database_url) == beacon("export", JOB, url=database_url)
    assert beacon("export", JOB, "-o", "-", "--json", url=database_url).code == 2


def test_a_missing_library_names_the_extra(
    connection: Connection, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("beacon_cli.extras.find_spec", lambda _: None)
    done = beacon("export", JOB, "-o", str(tmp_path / "a.parquet"), url=database_url)
    assert done.code == 3
    assert done.err == f"error: this needs pyarrow\nhint: {how_to_install('parquet')}\n"


@pytest.mark.parametrize("chosen", FORMATS)
def test_a_job_without_executions_is_an_empty_table(
    connection: Connection, database_url: str, tmp_path: Path, chosen: str
) -> None:
    add_job(connection)
    assert exported(chosen, database_url, tmp_path) == []


@pytest.mark.parametrize("chosen", FORMATS)
def test_the_old_systems_rows_have_the_same_columns(
    legacy: Connection, legacy_database_url: str, tmp_path: Path, chosen: str
) -> None:
    seed_legacy(legacy)
    rows = exported(chosen, legacy_database_url, tmp_path)
    assert [row["region"] for row in rows] == ["US", "EU", "ASIA"] * 4
    assert rows[0]["response"] == text_of("math_basic", MODELS[0], "US")
    assert rows[0]["prompt"] in {None, ""}
    done = beacon("export", JOB, "--question", "capital", url=legacy_database_url)
    assert (done.code, done.err.splitlines()[1]) == (2, "hint: it has: math_basic, greatest_leader")


SECRETS = {"signature": "0xSIGNATURE", "public_key": "0xKEY", "wallet_auth": {"address": "0xADDRESS", "nonce": "NONCE"}}


@pytest.mark.parametrize("chosen", FORMATS)
def test_what_the_old_systems_endpoints_said_is_exported_without_signatures(
    legacy: Connection, legacy_database_url: str, tmp_path: Path, chosen: str
) -> None:
    seed_legacy(legacy)
    receipt = {"execution_details": {"region": "us-east", "model": "llama3.2-1b"}, **SECRETS}
    legacy.execute(
        "UPDATE executions SET provider_id = 'modal-us-east', system_prompt = 'In the US.', retry_count = 1,"
        " receipt_data = %s, output_data = output_data || %s WHERE id = 1",
        [json.dumps(receipt), json.dumps({"metadata": SECRETS})],
    )
    first = exported(chosen, legacy_database_url, tmp_path)[0]
    told = {name: first[name] for name in ("provider_id", "system_prompt", "effective_region", "effective_model")}
    assert told == {
        "provider_id": "modal-us-east",
        "system_prompt": "In the US.",
        "effective_region": "us-east",
        "effective_model": "llama3.2-1b",
    }
    assert int(first["attempts"]) == 2
    documents = f"{first['output_data']} {first['receipt_data']}"
    assert "wallet_auth" in documents
    assert not [secret for secret in ("0xSIGNATURE", "0xKEY", "0xADDRESS", "NONCE") if secret in documents]


def big_job(connection: Connection, rows: int) -> None:
    """Store a job of one question in many repeats."""
    add_job(connection)
    connection.execute(
        "INSERT INTO executions (job_id, run_id, question_id, model_id, region, repeat, status, response, output_data)"
        " SELECT %s, %s, 'math_basic', 'm', 'US', n, 'completed', repeat('x', 500), '{}' FROM generate_series(1, %s) n",
        [JOB, add_run(connection), rows],
    )


@pytest.mark.parametrize("chosen", FORMATS)
def test_an_error_in_mid_export_leaves_no_half_file(
    connection: Connection, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    big_job(connection, 2000)
    path = tmp_path / f"answers.{chosen}"
    path.write_text("old")
    seen = []

    def failing(execution: Any) -> Any:
        seen.append(execution)
        if len(seen) == 1500:
            raise OSError(28, "No space left on device")
        return row_of(execution)

    monkeypatch.setattr(export, "row_of", failing)
    done = beacon("export", JOB, "-o", str(path), url=database_url)
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith(f"error: cannot write {path}: No space left on device\n")
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {path.name: "old"}


def test_ctrl_c_leaves_no_half_file(connection: Connection, database_url: str, tmp_path: Path) -> None:
    big_job(connection, 30_000)
    command = ["nice", "-n", "19", sys.executable, "-m", "beacon_cli"]  # the test is to be faster than the command
    command += ["export", JOB, "-o", str(tmp_path / "answers.jsonl")]
    environment = {**os.environ, "BEACON_DATABASE_URL": database_url}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 300
        while not [path for path in tmp_path.iterdir() if path.stat().st_size]:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert b"error: interrupted" in err
    assert b"Traceback" not in err
    assert [each.name for each in tmp_path.iterdir()] == []


@pytest.mark.parametrize("chosen", ["jsonl", "csv"])
def test_a_stdout_that_is_closed_early_ends_with_141(connection: Connection, database_url: str, chosen: str) -> None:
    big_job(connection, 2000)
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "beacon_cli", "export", JOB, "--format", chosen]
    environment = {**os.environ, "BEACON_DATABASE_URL": database_url}
    done = subprocess.run(command, env=environment, stdout=writing, stderr=subprocess.PIPE, timeout=300, check=False)
    os.close(writing)
    assert (done.returncode, without_database(done.stderr.decode())) == (141, "")
