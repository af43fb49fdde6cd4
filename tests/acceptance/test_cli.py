"""The program as a whole: help, start-up, errors, the database commands."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pexpect
import pytest
import typer

from beacon_cli.main import app, program
from tests.acceptance.conftest import BEACON, ROOT, Beacon

MIGRATIONS = ROOT / "beacon_cli" / "store" / "migrations"
COMMANDS = [
    *(
        "run",
        "check-db",
        "compare",
        "report",
        "export",
        "jobs",
        "show",
        "serve",
        "deploy modal",
        "verify endpoints",
        "rollback modal",
    ),
    *("db", "db migrate", "db url", "db stop", "db dump", "db psql", "schema job"),
    *("submit", "worker", "queue", "cancel", "help", "docs", "version"),
]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert program([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert f"Usage: beacon {command}".rstrip() in shown


def options_without_help(command: Any, path: str) -> list[str]:
    found = [f"{path} {option.name}" for option in command.params if not getattr(option, "help", None)]
    for name, below in getattr(command, "commands", {}).items():
        found += options_without_help(below, f"{path} {name}")
    return found


def test_every_option_has_an_explanation() -> None:
    assert options_without_help(typer.main.get_command(app), "beacon") == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_or_the_docs_name_every_command(command: str) -> None:
    text = "".join(path.read_text() for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    assert f"beacon {command}" in text


HEAVY = (
    "rich",
    "pydantic",
    "psycopg",
    "httpx2",
    "modal",
    "ruamel",
    "yoyo",
    "fastapi",
    "uvicorn",
    "scipy",
    "numpy",
    "matplotlib",
    "pyarrow",
)


def modules_after(*arguments: str, environment: Mapping[str, str] | None = None) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(BEACON), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    return {line.rsplit("|", 1)[1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}


def test_help_imports_nothing_heavy() -> None:
    assert modules_after("--help").isdisjoint(HEAVY)


def test_the_help_of_deploying_imports_no_sdk() -> None:
    assert modules_after("deploy", "--help").isdisjoint({"modal"})


def test_a_dry_run_imports_neither_an_event_loop_nor_a_database(tmp_path: Path) -> None:
    job = tmp_path / "job.yaml"
    job.write_text("id: planned\nquestions: [math_basic]\nmodels: [smollm2-135m]\nregions: [US, EU]\nrepeats: 3\n")
    with_nothing_stored = {**os.environ, "BEACON_DATA_DIR": str(tmp_path / "data")}
    assert modules_after("run", str(job), "--local", "--dry-run", environment=with_nothing_stored).isdisjoint(
        {"asyncio", "psycopg", "httpx2", "scipy", "numpy"}
    )


def test_check_db_imports_neither_modal_nor_a_server(beacon: Beacon) -> None:
    assert modules_after("check-db", "nothing", "--database-url", "postgresql://127.0.0.1:1/x").isdisjoint(
        {"modal", "fastapi", "uvicorn", "xllamacpp", "httpx2"}
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "JOB_FILE"),
        (["run", "x.yaml", "--batching", "sideways"], "sideways"),
        (["run", "x.yaml", "--max-in-flight", "0"], "--max-in-flight"),
        (["nonsense"], "nonsense"),
        (["check-db", "x", "--nonsense"], "--nonsense"),
    ],
)
def test_wrong_usage_is_exit_2_in_words_and_in_json(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert program(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    assert program([*arguments, "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["errors"][0]["code"]) == (False, "usage")


def test_without_a_target_the_error_says_what_to_configure(beacon: Beacon) -> None:
    job = beacon.write("job.yaml", "questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US]\n")
    code, document = beacon.json("run", job)
    assert (code, document["errors"][0]["code"]) == (2, "config")
    assert "--local" in document["errors"][0]["hint"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[limits]\nmax_in_flight = 'many'\n", "limits.max_in_flight"),
        ("[regions.'new mars']\nbase_url = 'http://x'\n", "new mars"),
        ("not toml", "beacon.toml"),
        ("proxy_key = 'canary'\n", "BEACON_PROXY_KEY"),
        ("[local.models.x]\n", "gguf"),
        ("surprise = 1\n", "surprise"),
    ],
)
def test_a_bad_configuration_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "beacon.toml").write_text(content)
    assert program(["check-db", "anything"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert said in shown
    assert "canary" not in shown


def test_the_embedded_database_can_be_found_queried_dumped_and_stopped(scripted: Beacon, operators_job: str) -> None:
    assert scripted("run", operators_job, "--local").returncode == 0
    query = "SELECT region, count(*) FROM executions GROUP BY 1 ORDER BY 1"
    done = scripted("db", "psql", "-c", query, "-At")
    assert done.stdout.split() == ["ASIA|4", "EU|4", "US|4"]
    dump = scripted.folder / "dump.sql"
    written = scripted.json("db", "dump", "-o", str(dump))[1]["data"]
    assert written == {"path": str(dump), "bytes": dump.stat().st_size}
    assert "operators" in dump.read_text()
    assert scripted("db", "url").stdout.startswith("postgresql://")
    assert scripted.json("db", "stop")[1]["data"] == {"stopped": True}
    assert scripted.json("db", "stop")[1]["data"] == {"stopped": False}


@pytest.fixture
def small_job(scripted: Beacon) -> str:
    job = "id: operators\nquestions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US, EU]\n"
    return scripted.write("small.yaml", job)


def test_each_command_that_works_on_a_job_starts_by_itself(scripted: Beacon, small_job: str) -> None:
    """Most tests fork their commands from a process that has imported the program: here nothing is imported yet."""
    for command in (
        ("run", small_job, "--local"),
        ("check-db", "operators"),
        ("show", "operators"),
        ("jobs",),
        ("compare", "operators"),
        ("report", "operators"),
        ("export", "operators", "--format", "csv"),
    ):
        process = scripted.start(*command, stdin=subprocess.DEVNULL)
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, (command, err)


def test_a_database_elsewhere_must_be_migrated_first(beacon: Beacon, operators_job: str) -> None:
    url = beacon("db", "url").stdout.strip()
    assert beacon("db", "psql", "-qc", "CREATE DATABASE elsewhere").returncode == 0
    beacon.environment["BEACON_DATABASE_URL"] = url.replace("/postgres?", "/elsewhere?")
    code, document = beacon.json("run", operators_job, "--local")
    assert (code, document["errors"][0]["code"]) == (3, "schema")
    assert "beacon db migrate" in document["errors"][0]["hint"]
    applied = beacon.json("db", "migrate")[1]["data"]["applied"]
    assert applied[:2] == ["0001_jobs_and_executions", "0002_fleet"]
    assert applied == sorted(path.stem for path in MIGRATIONS.glob("????_*.sql") if ".rollback" not in path.name)
    del beacon.environment["BEACON_DATABASE_URL"]


def test_the_schema_of_a_job_is_json_schema(beacon: Beacon) -> None:
    done = beacon("schema", "job")
    schema = json.loads(done.stdout)
    assert schema["$schema"].startswith("https://json-schema.org/draft/2020-12")
    assert {"questions", "models", "regions"} <= set(schema["properties"])


def test_the_reference_of_commands_is_what_the_help_says() -> None:
    script = ROOT / "scripts" / "command_reference.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_version_in_json(beacon: Beacon) -> None:
    code, document = beacon.json("version")
    assert code == 0
    assert document["data"].keys() == {"version", "python", "system", "installed_in"}
    assert beacon("-V").stdout == f"beacon {document['data']['version']}\n"


def test_the_documents_are_part_of_the_wheel() -> None:
    """An installed `beacon docs` finds them inside the package."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["force-include"] == {"docs": "beacon_cli/docs"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["docs"], ["docs", "method"], ["version"], ["--show-completion", "zsh"]]
)
def test_what_explains_the_program_also_ends_when_nobody_reads(beacon: Beacon, arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        process = beacon.start(*arguments, stdout=pipe)
        _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (141, "")


def test_hints_name_the_program_as_it_was_called(beacon: Beacon) -> None:
    environment = {**beacon.variables(), "PATH": "/usr/bin:/bin"}
    (beacon.folder / "my tools").symlink_to(BEACON.parent)
    for called in (["my tools/beacon"], [sys.executable, "-m", "beacon_cli"], [str(BEACON)]):
        done = subprocess.run(
            [*called, "rnu"], cwd=beacon.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert f"did you mean {shlex.join(called)} run?" in done.stderr


def test_hints_name_uv_where_uv_started_the_program(beacon: Beacon) -> None:
    uv = BEACON.with_name("uv")
    called = [str(uv), "run", "--no-project", "--offline", "--python", sys.executable, "--", str(BEACON)]
    done = subprocess.run(
        [*called, "rnu"], cwd=beacon.folder, env=beacon.variables(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"did you mean {shlex.join(called)} run?" in done.stderr


def test_a_run_that_is_stopped_says_how_the_caller_resumes_it(beacon: Beacon, operators_job: str) -> None:
    (beacon.folder / "bin").symlink_to(BEACON.parent)
    beacon.environment["BEACON_DATABASE_URL"] = "postgresql://127.0.0.1:1/x"
    environment = {**beacon.variables(), "PATH": "/usr/bin:/bin"}
    command = ["bin/beacon", "run", operators_job, "--local"]
    done = subprocess.run(command, cwd=beacon.folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert f"resume it with: bin/beacon run {operators_job} --job-id operators --local" in done.stderr


def test_a_job_from_stdin_is_run_resumed_and_audited(scripted: Beacon) -> None:
    scripted.write("questions.jsonl", '{"id": "one", "text": "One?"}\n')
    job = "questions: {file: questions.jsonl}\nmodels: [llama3.2-1b]\nregions: [US]\n"
    done = scripted("run", "-", "--local", "--job-id", "piped", "--json", stdin=job)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["data"]["nothing_to_ask"] is False
    again = scripted("run", "-", "--local", "--job-id", "piped", stdin=job)
    assert again.returncode == 0
    said = (again.stdout + again.stderr).splitlines()
    told = [line for line in said if "nothing to ask" in line]
    assert told == ["job piped: nothing to ask, the answer is already stored"]
    as_json = scripted("run", "-", "--local", "--job-id", "piped", "--json", stdin=job)
    assert json.loads(as_json.stdout)["data"]["nothing_to_ask"] is True
    assert scripted("check-db", "piped", "--expect", "-", stdin=job).returncode == 0
    other = job.replace("[US]", "[US, EU]")
    assert scripted("check-db", "piped", "--expect", "-", stdin=other).returncode == 1


def test_a_job_from_stdin_without_a_server_says_how_to_give_it_again(scripted: Beacon) -> None:
    scripted.environment["BEACON_DATABASE_URL"] = "postgresql://127.0.0.1:1/x"
    job = "id: piped\nquestions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US]\n"
    done = scripted("run", "-", "--local", stdin=job)
    assert done.returncode == 3
    assert "resume it with: beacon run - --job-id piped --local < JOB_FILE" in done.stderr


def test_a_terminal_as_stdin_is_told_that_it_is_waited_for(beacon: Beacon) -> None:
    child = pexpect.spawn(str(BEACON), ["run", "-", "--dry-run", "--local"], env=beacon.variables(), timeout=300)
    child.expect("reading the job file from the terminal; end it with Ctrl-D")
    child.sendline("questions: [math_basic]")
    child.sendline("models: [smollm2-135m]")
    child.sendline("regions: [US]")
    child.sendeof()
    child.expect("nothing is asked")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
