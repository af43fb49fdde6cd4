"""`beacon run` inside the test's process: what is prepared, what is summed up, and what the verdict is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.store.session import Session
from tests.support.hostile_endpoints import always, endpoints
from tests.support.in_process import beacon
from tests.support.operator import Operator
from tests.support.raw_server import http
from tests.support.regions_server import Regions, regions_server

VERSION_1 = Path(__file__).parents[3] / "examples" / "version1.json"
OLD_FILES = Path(__file__).parent / "old_files"
NO_DATABASE = "postgresql://127.0.0.1:1/nothing"
MATH, GEOGRAPHY = "What is 2+2?", "What is the capital of France?"


@pytest.mark.parametrize("mode", ["region", "lane"])
def test_the_other_batching_modes_ask_the_same_cells(operator: Operator, mode: str) -> None:
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        done, data = operator.run("--batching", mode)
    assert (done.code, data["batching"], data["counts"]["completed"]) == (0, mode, 12)
    assert sorted(regions.seen.values()) == [1] * 12
    audit = operator.audit()
    assert audit["sequential"] == audit["batch_gap"] == "skip"


def test_a_303_is_followed_by_get_and_its_hops_are_counted(operator: Operator) -> None:
    with regions_server(Regions(hop_first=True)) as regions:
        operator.uses(regions.environment())
        done, data = operator.run()
        assert (done.code, data["hops"]) == (0, 12)
        assert sorted(regions.methods) == ["GET"] * 12 + ["POST"] * 12
    assert operator.audit()["no_hops"] == "warn"


def test_a_job_file_of_the_old_system_runs(operator: Operator, database_url: str) -> None:
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        done = beacon("run", str(VERSION_1), "--json", url=database_url)
    assert done.code == 0, done.out
    assert set(done.document["data"]["by_region"]) == {"US", "EU", "ASIA"}


def test_what_the_old_portal_stored_runs_under_the_prompt_that_is_given_and_leaves_no_signature(
    operator: Operator, connection: psycopg.Connection[Any], database_url: str, tmp_path: Path
) -> None:
    prompt, events = tmp_path / "prompt.txt", tmp_path / "events.jsonl"
    prompt.write_text("You are based in {place}.\n")
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        options = ("--old-prompt", str(prompt), "--job-id", "portal", "--events", str(events), "--json")
        done = beacon("run", str(OLD_FILES / "portal.json"), *options, url=database_url)
    assert (done.code, done.document["data"]["counts"]["completed"]) == (0, 12), done.out
    sent = connection.execute("SELECT DISTINCT region, system_prompt, question_id FROM executions").fetchall()
    places = {"US": "the US", "EU": "Europe", "ASIA": "Asia"}
    assert set(sent) == {
        (label, f"You are based in {place}.", question)
        for label, place in places.items()
        for question in ("math_basic", "Who wrote the first book?")
    }
    stored = connection.execute("SELECT jobs::text FROM jobs").fetchall()
    shown = f"{done.out}{done.err}{events.read_text()}{stored}"
    assert [secret for secret in ("0xADDRESS", "0xSIG", "0xNONCE", "0xKEY") if secret in shown] == []


def test_what_the_old_portal_posted_runs_too(operator: Operator, database_url: str) -> None:
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        done = beacon("run", str(OLD_FILES / "envelope.json"), "--json", url=database_url)
    assert (done.code, done.document["data"]["counts"]["completed"]) == (0, 2), done.out
    assert set(done.document["data"]["by_region"]) == {"US", "EU"}


def test_a_model_that_is_not_served_costs_nothing(operator: Operator) -> None:
    with regions_server(Regions(models=["llama3.2-1b"])) as regions:
        operator.uses(regions.environment())
        done, _ = operator.run()
    [error] = done.document["errors"]
    assert (done.code, error["code"]) == (1, "model_not_served")
    assert "qwen2.5-1.5b in US" in error["message"]
    assert regions.methods == []


def test_a_job_that_somebody_else_runs_is_left_alone(operator: Operator, database_url: str) -> None:
    with asyncio.Runner() as runner, regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        other = runner.run(Session.open(database_url, "operators"))
        done, data = operator.run()
        runner.run(other.close())
    assert (done.code, done.document["errors"][0]["code"], data) == (3, "job_locked", {"job_id": "operators"})
    assert "resume it with: beacon run" in done.document["errors"][0]["hint"]
    assert regions.seen == {}


def test_what_failed_is_in_the_verdict_and_the_next_run_asks_only_that(operator: Operator) -> None:
    with endpoints({GEOGRAPHY: always(http(500))}) as served:
        operator.uses(served.environment())
        done, data = operator.run()
        assert (done.code, data["status"]) == (1, "partial")
        assert {status: count for status, count in data["counts"].items() if count} == {"completed": 6, "failed": 6}
        assert data["by_region"] == {
            region: {"expected": 4, "completed": 2, "blocked": 0} for region in ("US", "EU", "ASIA")
        }
        [error] = done.document["errors"]
        assert error["code"] == "problems_found"
        assert error["hint"].startswith("resume it with: beacon run")
        served.faults = {}
        done, data = operator.run()
        assert (done.code, data["status"], data["counts"]["completed"]) == (0, "completed", 12)
        assert (served.asked(MATH), served.asked(GEOGRAPHY)) == ((2, 0), (4, 0)), "of the US: once, and twice"


def test_answers_without_text_are_asked_again_on_purpose_and_only_they(
    operator: Operator, connection: psycopg.Connection[Any]
) -> None:
    with endpoints({MATH: always(lambda asked: asked.good("  "))}) as served:
        operator.uses(served.environment())
        done, data = operator.run()
        assert (data["again"], operator.run()[1]["nothing_to_ask"]) == (None, True)
        served.faults = {MATH: always(http(500))}
        done, data = operator.run("--again", "empty", "--again", "failed")
        empty = data["counts"]["empty"]
        assert (done.code, data["status"], data["counts"]["failed"]) == (1, "completed", 0)
        failures = {"server_error": empty}
        assert data["again"] == {"statuses": ["empty"], "replaced": 0, "kept": empty, "failures": failures}
        [error] = done.document["errors"]
        assert f"0 answers asked again were replaced, {empty} " in error["message"]
        assert "--job-id operators --again empty" in error["hint"]
        served.faults = {}
        done, data = operator.run("--again", "empty")
        assert (done.code, data["counts"]["completed"]) == (0, 12)
        assert data["again"] == {"statuses": ["empty"], "replaced": empty, "kept": 0, "failures": {}}
        assert f"{empty} answer" in done.err
        assert operator.run("--again", "empty")[1]["nothing_to_ask"]
    assert connection.execute("SELECT status, count(*) FROM superseded_executions GROUP BY 1").fetchall() == [
        ("empty", empty)
    ]


def test_a_job_that_is_not_stored_is_not_asked_as_a_whole_by_again(operator: Operator) -> None:
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        done, _ = operator.run("--again", "blocked")
    [error] = done.document["errors"]
    assert (done.code, error["code"]) == (2, "usage")
    assert error["message"] == "--again: there is no job operators yet, so nothing can be asked again"
    assert regions.methods == []


def test_asking_again_takes_a_known_status(operator: Operator) -> None:
    done, _ = operator.run("--again", "emty")
    [error] = done.document["errors"]
    assert (done.code, error["message"]) == (2, "--again: unknown status 'emty'")
    assert error["hint"] == "did you mean empty? known: completed, empty, blocked, failed, timeout, cancelled"


def test_a_job_that_is_done_needs_no_endpoint(operator: Operator, connection: psycopg.Connection[Any]) -> None:
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        assert operator.run()[0].code == 0
    done, data = operator.run()
    assert (done.code, data["nothing_to_ask"], data["counts"]["completed"]) == (0, True, 12)
    assert connection.execute("SELECT count(*) FROM runs").fetchone() == (2,)


def test_a_mistyped_job_id_lists_near_ones(operator: Operator, database_url: str) -> None:
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        assert operator.run()[0].code == 0
    done = beacon("check-db", "operatros", "--json", url=database_url)
    [error] = done.document["errors"]
    assert (done.code, error["code"]) == (1, "job_not_found")
    assert "operators" in error["hint"]


def test_a_dry_run_asks_nobody_and_writes_nothing(operator: Operator, connection: psycopg.Connection[Any]) -> None:
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        done, data = operator.run("--dry-run", "--max-in-flight", "4")
    assert (done.code, data["expected"], data["batches"], data["limits"]["max_in_flight"]) == (0, 12, 2, 4)
    assert data["endpoints"]["ASIA"] == f"{regions.url}/apac/inference"
    assert regions.methods == []
    assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (0,)


BAD_FILES: dict[str, tuple[str | bytes | None, str]] = {
    "unknown question": ("questions: [maths_basic]\nmodels: [llama3.2-1b]\nregions: [US]\n", "math_basic"),
    "unknown region": ("questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [Mars]\n", "Mars"),
    "unknown model": ("questions: [math_basic]\nmodels: ['llama3.2:1b']\nregions: [US]\n", "llama3.2-1b"),
    "duplicate key": (
        "questions: [math_basic]\nquestions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US]\n",
        "questions",
    ),
    "wrong type": ("questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US]\nrepeats: many\n", "repeats"),
    "empty file": ("", "empty"),
    "not UTF-8": ("questions: [mathé]".encode("latin-1"), "UTF-8"),
    "a directory": (None, "is a folder"),
    "missing": (None, "no such file"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_job_file_is_one_clear_error_before_any_database(tmp_path: Path, kind: str) -> None:
    content, said = BAD_FILES[kind]
    path = tmp_path / "job.yaml"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    elif kind == "a directory":
        path.mkdir()
    done = beacon("run", str(path), url=NO_DATABASE)
    assert (done.code, done.out) == (2, "")
    lines = done.err.strip().splitlines()
    assert lines[0].startswith("error: ")
    assert said in done.err
    assert len(lines) <= 2
    done = beacon("run", str(path), "--json", url=NO_DATABASE)
    document = done.document
    assert (done.code, document["command"], document["ok"], document["data"]) == (2, "run", False, {})
    assert [set(error) for error in document["errors"]] == [{"code", "message", "hint"}]


def test_nothing_but_errors_is_printed_if_that_is_wanted(operator: Operator, database_url: str) -> None:
    with endpoints() as served:
        operator.uses(served.environment())
        done = beacon("run", "job.yaml", "-q", url=database_url)
        assert (done.code, done.out, done.err) == (0, "", "")
    assert beacon("check-db", "operators", "--quiet", url=database_url) == done
    with endpoints({GEOGRAPHY: always(http(500))}) as served:
        operator.uses(served.environment())
        failed = beacon("run", "job.yaml", "--job-id", "second", "--quiet", url=database_url)
    assert (failed.code, failed.out) == (1, "")
    first, second = failed.err.splitlines()
    assert first.startswith("error: ")
    assert second.startswith("hint: resume it with: beacon run job.yaml --job-id second")


def test_a_plan_needs_no_endpoint_and_says_at_its_end_that_one_is_missing(
    operator: Operator, database_url: str
) -> None:
    done = beacon("run", "job.yaml", "--dry-run", url=database_url)
    assert done.code == 0
    assert "\nthis job cannot run yet: no endpoint is configured for region US: " in done.out
    data = beacon("run", "job.yaml", "--dry-run", "--json", url=database_url).document["data"]
    assert (data["expected"], data["endpoints"]) == (12, {})
    assert data["cannot_run"].startswith("no endpoint is configured for region US: add --local")


def test_a_new_job_without_endpoints_creates_no_database(operator: Operator, tmp_path: Path) -> None:
    done = beacon("run", "job.yaml", "--json", url="embedded")
    assert (done.code, done.document["errors"][0]["code"]) == (2, "config")
    assert not (tmp_path / "data").exists()


def test_what_is_not_stored_is_not_offered_to_be_resumed(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "new.yaml").write_text("questions: [math_basic]\nmodels: [smollm2-135m]\nregions: [US]\n")
    done = beacon("run", "new.yaml", "--local", "--json", url="postgresql://127.0.0.1:1/x")
    [error] = done.document["errors"]
    assert (done.code, "resume" in error["hint"]) == (3, False)
    assert error["hint"].startswith("check BEACON_DATABASE_URL, and that the server is running")
    named = beacon("run", "new.yaml", "--local", "--job-id", "new", "--json", url="postgresql://127.0.0.1:1/x").document
    resume = "resume it with: beacon run new.yaml --job-id new --local"  # it may be stored there
    assert (named["data"], named["errors"][0]["hint"]) == ({"job_id": "new"}, f"{error['hint']}; {resume}")
