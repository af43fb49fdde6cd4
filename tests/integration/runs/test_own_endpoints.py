"""`beacon run` with regions that speak OpenAI's API, beside one of Beacon's own kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.in_process import Done, beacon
from tests.support.openai_region import OpenAiRegion, completion, openai_region, refusal
from tests.support.raw_server import http
from tests.support.regions_server import Regions, regions_server

Connection = psycopg.Connection[Any]
KEY = "sk-a-canary-of-the-tests"
JOB = {
    "id": "own",
    "questions": [{"id": "q", "text": "What is 2+2?"}],
    "models": ["llama3.2-1b"],
    "regions": ["US", "EU", "ASIA"],
    "repeats": 2,
    "generation": {"seed": 7, "temperature": 0.7, "max_tokens": 50},
}


class Study:
    """US and EU speak OpenAI's API, ASIA is a region of Beacon's own kind; US wants a key."""

    def __init__(self, folder: Path, url: str, us: OpenAiRegion, eu: OpenAiRegion, asia: Regions) -> None:
        self.us, self.eu = us, eu
        self._url = url
        self._job = folder / "job.json"
        self._job.write_text(json.dumps(JOB))
        (folder / "beacon.toml").write_text(f"""
            [regions.us]
            api = "openai"
            base_url = "{us.url}"
            key_env = "US_KEY"
            [regions.us.models."llama3.2-1b"]
            name = "m-small"
            extra = {{reasoning_effort = "low"}}
            [regions.eu]
            api = "openai"
            base_url = "{eu.url}"
            models = {{"llama3.2-1b" = {{name = "m-small"}}}}
            [regions.apac]
            base_url = "{asia.url}/apac"
        """)

    def run(self, *options: str) -> Done:
        return beacon("run", str(self._job), "--json", *options, url=self._url)

    def read(self, *words: str) -> Done:
        return beacon(*words, url=self._url)


@pytest.fixture
def study(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Study]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BEACON_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("US_KEY", KEY)
    with openai_region(OpenAiRegion(key=KEY)) as us, openai_region() as eu, regions_server(Regions()) as asia:
        yield Study(tmp_path, database_url, us, eu, asia)


def test_regions_of_both_kinds_are_asked_in_one_job(study: Study, connection: Connection) -> None:
    done = study.run()
    assert done.code == 0, done.out + done.err
    data = done.document["data"]
    assert (data["counts"]["completed"], data["check_calls"]) == (6, {"calls": 2, "tokens": 34})
    assert [asked.body.get("seed") for asked in study.us.asked] == [7, 7, 8]
    assert [asked.headers.get("authorization") for asked in study.eu.asked] == [None] * 3
    columns = "region, repeat, response, tokens, model_revision, finish_reason, output_data -> 'sent'"
    rows = connection.execute(f"SELECT {columns} FROM executions WHERE region = 'US' ORDER BY repeat").fetchall()
    sent = {"model": "m-small", "temperature": 0.7, "max_tokens": 50, "reasoning_effort": "low"}
    assert rows == [
        ("US", repeat, "4", 5, "m-small-2026-01-01", "stop", {**sent, "seed": 7 + repeat}) for repeat in (0, 1)
    ]
    differing = json.loads(study.read("compare", "own", "--json").out)["data"]["incomparable"]
    assert {each["name"] for each in differing} >= {"sampling"}


def test_a_lane_that_is_asked_for_another_model_when_the_job_is_resumed_is_told(study: Study) -> None:
    study.eu.models = ["m-small", "other"]
    study.eu.answer = lambda asked: (
        http(200, completion(asked)) if asked.body["seed"] == 7 else refusal(422, "no", code="x")
    )
    assert study.run("--no-check").code == 1
    study.eu.answer = None
    settings = Path("beacon.toml")
    settings.write_text(settings.read_text().replace('{name = "m-small"}', '{name = "other"}'))
    assert study.run("--no-check").code == 0
    checks = {each["name"]: each for each in study.read("check-db", "own", "--json").document["data"]["checks"]}
    assert checks["regions"]["status"] == "warn"
    assert "1 lane asked in more than one way" in checks["regions"]["detail"]
    told = [each["detail"] for each in study.read("compare", "own", "--json").document["data"]["incomparable"]]
    assert any(detail.startswith("EU was asked in different ways: m-small at http://") for detail in told)
    rows = [json.loads(line) for line in study.read("export", "own").out.splitlines()]
    assert {(row["sent_model"], row["effective_model"]) for row in rows if row["region"] == "EU"} == {
        ("m-small", "m-small-2026-01-01"),
        ("other", "other-2026-01-01"),
    }
    assert {row["region"] for row in rows if row["sent_model"] is None} == {"ASIA"}


def test_nothing_is_checked_where_nothing_is_left_to_ask_or_on_request(study: Study) -> None:
    done = study.run("--no-check")
    assert (done.code, done.document["data"]["check_calls"]["calls"], len(study.us.asked)) == (0, 0, 2)
    again = study.run()
    assert (again.document["data"]["nothing_to_ask"], len(study.us.asked)) == (True, 2)


def test_a_refused_parameter_ends_the_run_before_anything_is_asked_and_the_job_can_be_run_again(
    study: Study, connection: Connection
) -> None:
    study.eu.answer = lambda _asked: refusal(400, "Unsupported parameter: 'seed'", code="x", param="seed")
    done = study.run()
    assert done.code == 3
    (error,) = done.document["errors"]
    assert error["code"] == "request_refused"
    assert error["message"] == (
        "llama3.2-1b in EU does not accept the job's questions (HTTP 400: Unsupported parameter: 'seed');"
        " nothing was asked"
    )
    assert error["hint"] == "seed is set in generation of the job"
    assert connection.execute("SELECT count(*) FROM executions").fetchall() == [(0,)]
    study.eu.answer = None
    assert study.run().code == 0


def test_a_job_that_cannot_be_resumed_as_it_was_says_how_to_resume_it_without_a_check(study: Study) -> None:
    study.eu.answer = lambda _asked: refusal(400, "no", code="x")
    done = study.run("--no-check")
    assert (done.code, done.document["data"]["counts"]["failed"]) == (1, 2)
    assert "--no-check" in done.document["errors"][0]["hint"]


@pytest.mark.parametrize("key", ["", "sk-another-canary-of-the-tests"])
def test_a_key_that_is_missing_or_wrong_ends_with_4_and_is_never_shown(
    key: str, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("US_KEY", key)
    done = study.run()
    assert done.code == 4
    assert "US_KEY" in done.out
    assert "canary" not in done.out + done.err
    assert study.us.asked == []


def test_the_plan_names_each_address_and_the_check_calls(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("US_KEY")
    data = study.run("--dry-run").document["data"]
    assert data["check_calls"] == 2
    assert data["endpoints"]["US"] == data["lanes"][0]["url"] == f"{study.us.url}/chat/completions"
    assert study.run("--dry-run", "--no-check").document["data"]["check_calls"] == 0
    assert (study.us.paths, study.eu.paths) == ([], [])
