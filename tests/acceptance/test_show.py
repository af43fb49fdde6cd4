"""`beacon jobs`, `show` and `export` beside a real run: from another process, in a pipe, until Ctrl-C."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.acceptance.conftest import Beacon

ENTRY = re.compile(r"^(\w+) · ([\w.-]+) · (US|EU|ASIA) · #1 · \d+\.\d s · (.+)$")


@pytest.fixture
def slow(scripted: Beacon) -> str:
    """A job whose run takes eight seconds, with a database server that is already there."""
    scripted.write(
        "answers.yaml",
        'rules:\n  - {prompt: "2+2", response: "[bold]4[/bold] \\e[31m", latency: 2}\n'
        '  - {response: "{model} in {region}", latency: 3}\n',
    )
    scripted("db", "url")
    return scripted.write(
        "slow.yaml",
        "id: slow\nquestions: [math_basic, geography_basic, identity_basic]\n"
        "models: [llama3.2-1b, qwen2.5-1.5b]\nregions: [US, EU, ASIA]\n",
    )


def test_the_answers_of_a_run_are_followed_from_another_process(scripted: Beacon, slow: str) -> None:
    run, _ = scripted.begin_until("starting question batch", "run", slow, "--local")
    following, said = scripted.begin_until("already stored", "show", "slow", "--follow")
    listed = scripted.json("jobs")[1]["data"]["jobs"][0]
    assert (listed["status"], listed["expected"]) == ("running", 18)
    assert f"process {run.pid} on " in listed["holder"]
    assert f"job slow is running (by process {run.pid} on " in said
    out, err = following.communicate(timeout=300)
    run.communicate(timeout=300)
    assert (following.returncode, run.returncode) == (0, 0), err
    there = int(said.rsplit("): ", 1)[1].split()[0])
    entries = [match.groups() for line in out.splitlines() if (match := ENTRY.match(line))]
    assert len(entries) == len(set(entries)) == len(out.splitlines()) == 18 - there
    asked = [question for question, *_ in entries]
    assert asked == sorted(asked, key=["math_basic", "geography_basic", "identity_basic"].index)
    assert {text for question, *_, text in entries if question == "math_basic"} <= {"[bold]4[/bold] \\x1b[31m"}
    assert err.endswith(f"job slow is completed: {18 - there} answers received\n")
    listed = scripted.json("jobs")[1]["data"]["jobs"][0]
    assert (listed["status"], listed["answered"], listed["holder"]) == ("completed", 18, None)


def test_ctrl_c_ends_the_following_alone_and_a_killed_run_says_how_to_go_on(scripted: Beacon, slow: str) -> None:
    scripted.write("answers.yaml", 'rules: [{response: "{model} in {region}", latency: 600}]\n')
    run, _ = scripted.begin_until("starting question batch", "run", slow, "--local")
    following, _ = scripted.begin_until("already stored", "show", "slow", "--follow")
    following.send_signal(signal.SIGINT)
    _, err = following.communicate(timeout=300)
    assert (following.returncode, err) == (130, "error: interrupted\n")
    assert run.poll() is None
    run.kill()
    run.communicate()
    deadline = time.monotonic() + 300
    while (listed := scripted("jobs").stdout) and " interrupted " not in listed:
        assert time.monotonic() < deadline, listed
    assert "To resume it: beacon run JOB_FILE --job-id slow" in listed
    done = scripted("show", "slow", "--follow")
    assert done.returncode == 0
    assert "beacon run JOB_FILE --job-id slow" in done.stderr


def test_answers_are_shown_and_exported_with_their_documents(scripted: Beacon, operators_job: str) -> None:
    scripted("db", "url")
    assert scripted("run", operators_job, "--local").returncode == 0
    shown = scripted("show", "operators")
    assert shown.returncode == 0
    assert "all regions  4" in shown.stdout
    assert "llama3.2-1b in apac: What is the capital of France?" in shown.stdout
    rows = [json.loads(line) for line in scripted("export", "operators").stdout.splitlines()]
    assert len(rows) == 12
    assert {row["architecture"] for row in rows} == {"scripted"}
    assert all(row["receipt_data"]["output"]["response"] == row["response"] for row in rows)
    assert all(row["temperature"] == 0.1 and row["max_tokens"] == 500 for row in rows)
    end_early(scripted)


def end_early(scripted: Beacon) -> None:
    """Nobody reads what they print, or the disk is full: 141, or 3 with a reason."""
    commands = [("jobs",), ("show", "operators"), ("show", "operators", "--json"), ("export", "operators")]
    for arguments in (*commands, ("export", "operators", "--format", "csv")):
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            process = scripted.begin(*arguments, stdout=pipe)
            _, err = process.communicate(timeout=300)
        assert (process.returncode, err) == (141, ""), arguments
        with Path("/dev/full").open("w") as full:
            process = scripted.begin(*arguments, stdout=full)
            _, err = process.communicate(timeout=300)
        assert (process.returncode, err) == (3, "error: stdout cannot be written: No space left on device\n"), arguments


HEAVY = {"pyarrow", "scipy", "matplotlib", "modal", "fastapi", "uvicorn", "httpx2"}


@pytest.mark.parametrize("command", ["jobs", "show", "export"])
def test_they_import_nothing_that_they_do_not_need(scripted: Beacon, command: str) -> None:
    arguments = [command, *(["x"] if command != "jobs" else []), "--database-url", "postgresql://127.0.0.1:1/x"]
    scripted.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    done: subprocess.CompletedProcess[str] = scripted(*arguments)
    assert done.returncode == 3
    imported = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "psycopg" in imported
    assert not imported & HEAVY
