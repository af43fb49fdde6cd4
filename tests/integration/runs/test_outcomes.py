"""What became of each question: the rows and exit codes of small jobs whose answers differ in kind, not in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.hostile_endpoints import Fault, always, endpoints, replies
from tests.support.in_process import Done, beacon
from tests.support.raw_server import http
from tests.support.scripted_regions import OUTCOMES, scripted_regions

Connection = psycopg.Connection[Any]
FORBIDDEN = http(403, {"error": {"code": "permission_denied", "message": "not for you"}})
UNAUTHORIZED = http(401, {"error": {"code": "unauthorized", "message": "the key expired"}})


@pytest.fixture(scope="module")
def scripted() -> Iterator[dict[str, str]]:
    with scripted_regions(OUTCOMES) as environment:
        yield environment


class Runner:
    """Runs jobs of one model in three regions, and counts the rows by region, status and error code."""

    def __init__(self, folder: Path, url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._url = url
        self._connection = connection
        self._monkeypatch = monkeypatch
        monkeypatch.chdir(folder)
        monkeypatch.setenv("BEACON_DATA_DIR", str(folder / "data"))

    def run(self, environment: dict[str, str], *texts: str, repeats: int = 2, options: tuple[str, ...] = ()) -> Done:
        job = {
            "id": "outcomes",
            "questions": [{"id": f"q{number}", "text": text} for number, text in enumerate(texts)],
            "models": ["llama3.2-1b"],
            "regions": ["US", "EU", "ASIA"],
            "repeats": repeats,
            "system_prompt": "You are in {place}.",
            "generation": {"temperature": 0.7, "seed": 1},
            "limits": {"attempts": 3},
        }
        path = self._folder / "job.json"
        path.write_text(json.dumps(job))
        for name, value in environment.items():
            self._monkeypatch.setenv(name, value)
        return beacon("run", str(path), "--json", *options, url=self._url)

    def outcomes(self, question: str = "q0") -> dict[str, tuple[str, str | None]]:
        """Return the status and error code of a question by region; all repeats have the same."""
        rows = self._connection.execute(
            "SELECT region, array_agg(DISTINCT ROW(status, error_code)::text), min(status), min(error_code)"
            " FROM executions WHERE question_id = %s GROUP BY region",
            [question],
        ).fetchall()
        assert all(len(kinds) == 1 for _, kinds, _, _ in rows), rows
        return {region: (status, code) for region, _, status, code in rows}

    def row(self, region: str, columns: str, question: str = "q0") -> tuple[Any, ...]:
        query = f"SELECT {columns} FROM executions WHERE region = %s AND question_id = %s AND repeat = 0"
        [row] = self._connection.execute(query.encode(), [region, question]).fetchall()
        found: tuple[Any, ...] = row
        return found


@pytest.fixture
def runner(tmp_path: Path, database_url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> Runner:
    return Runner(tmp_path, database_url, connection, monkeypatch)


ANSWERED = ("completed", None)


CASES = {
    "empty one": ("ASIA", ("empty", None)),
    "filtered one": ("ASIA", ("blocked", "content_filtered")),
    "moderated one": ("ASIA", ("blocked", "content_filtered")),
    "country one": ("EU", ("blocked", "geo_blocked")),
    "law one": ("EU", ("blocked", "legal_blocked")),
    "think: the capital of France?": ("ASIA", ANSWERED),
    "endless thought": ("ASIA", ("empty", "thought_only")),
    "half of it": ("ASIA", ("blocked", "content_filtered")),
    "persian": ("ASIA", ANSWERED),
    "another one": ("ASIA", ANSWERED),
}


@pytest.mark.fault(65, "every kind of refusal, by endpoints with scripted answers")
def test_what_became_of_each_question_is_in_its_rows_and_none_is_asked_again(
    runner: Runner, scripted: dict[str, str]
) -> None:
    done = runner.run(scripted, *CASES)
    assert (done.code, done.document["data"]["status"]) == (0, "completed"), done.out
    everywhere = {"US": ANSWERED, "EU": ANSWERED, "ASIA": ANSWERED}
    for number, (region, outcome) in enumerate(CASES.values()):
        assert runner.outcomes(f"q{number}") == {**everywhere, region: outcome}
    again = runner.run(scripted, *CASES)
    assert (again.code, again.document["data"]["nothing_to_ask"]) == (0, True)


def test_a_block_keeps_what_the_provider_said_and_costs_one_attempt(runner: Runner, scripted: dict[str, str]) -> None:
    runner.run(scripted, "moderated one")
    columns = "http_status, attempts, response, error_message, output_data"
    assert runner.row("ASIA", columns) == (
        *(403, 1, None, "HTTP 403: your input was flagged"),
        {"success": False, "error": {"code": "moderation", "message": "your input was flagged"}},
    )


def test_a_filtered_answer_keeps_the_text_that_came(runner: Runner, scripted: dict[str, str]) -> None:
    runner.run(scripted, "half of it")
    assert runner.row("ASIA", "response, finish_reason, error_message, attempts") == (
        *("The first half", "content_filter"),
        *("a filter ended the answer (content_filter)", 1),
    )


def test_the_columns_say_what_the_endpoint_did(runner: Runner, scripted: dict[str, str]) -> None:
    runner.run(scripted, "think", "endless")
    columns = "response, thought, finish_reason, effective_region, effective_system_prompt"
    marked = "<think>\nI know several facts about France.\n</think>\nParis."
    assert runner.row("ASIA", columns) == (
        *(marked, "I know several facts about France.", "stop"),
        *("ASIA", "You are in Asia."),
    )
    assert runner.row("US", columns) == ("Paris.", "Easy.", "stop", "US", "You are in the US.")
    tokens, revision, sent = runner.row("EU", "tokens, model_revision, output_data ->> 'model_revision'")
    assert (tokens, revision) == (4, sent)
    assert runner.row("ASIA", "finish_reason, error_message", "q1") == (
        *("length", "the model wrote a thought, and no answer after it"),
    )


def test_joiners_of_a_script_and_an_emoji_are_stored_as_they_came(runner: Runner, scripted: dict[str, str]) -> None:
    runner.run(scripted, "persian")
    assert runner.row("US", "response") == ("نمی‌توانم بگویم 👨‍👩‍👧",)


def test_a_gpu_that_failed_is_asked_for_again_and_what_is_no_number_is_not(
    runner: Runner, scripted: dict[str, str], tmp_path: Path, database_url: str
) -> None:
    done = runner.run(scripted, "lost GPU", "overflow", "dead GPU", repeats=1)
    assert done.code == 1
    assert runner.outcomes("q0") == {"US": ANSWERED, "EU": ANSWERED, "ASIA": ANSWERED}
    assert runner.outcomes("q1") == {"US": ANSWERED, "EU": ("failed", "nan_logits"), "ASIA": ANSWERED}
    assert runner.outcomes("q2") == {"US": ANSWERED, "EU": ("failed", "gpu_failed"), "ASIA": ANSWERED}
    assert [runner.row("EU", "attempts, http_status", question) for question in ("q0", "q1", "q2")] == [
        *((2, 200), (1, 500), (3, 503)),
    ]
    told = "the model computed what is not a number (in float16), so there is no answer"
    assert runner.row("EU", "error_message, response", "q1") == (f"HTTP 500: {told}", None)

    audit = beacon("check-db", "outcomes", url=database_url)
    assert "1 × failed: gpu_failed (EU 1)" in audit.out
    assert "1 × failed: nan_logits (EU 1)" in audit.out
    page = tmp_path / "report.html"
    assert beacon("report", "outcomes", "-o", str(page), url=database_url).code == 0
    text = page.read_text(encoding="utf-8")
    assert told in text
    assert "the GPU of this container failed: CUDA error" in text


def test_no_credit_is_a_failure_that_is_tried_once(runner: Runner, scripted: dict[str, str]) -> None:
    done = runner.run(scripted, "poor one")
    assert done.code == 1
    assert runner.outcomes() == {"US": ANSWERED, "EU": ("failed", "no_credit"), "ASIA": ANSWERED}
    assert runner.row("EU", "attempts, http_status") == (1, 429)


def test_a_403_of_a_region_that_listed_its_models_is_about_the_question(
    runner: Runner, scripted: dict[str, str]
) -> None:
    done = runner.run(scripted, "forbidden one", "another one")
    assert done.code == 1
    assert runner.outcomes() == {"US": ANSWERED, "EU": ("failed", "request_rejected"), "ASIA": ANSWERED}
    assert runner.outcomes("q1") == {"US": ANSWERED, "EU": ANSWERED, "ASIA": ANSWERED}
    assert runner.row("EU", "error_message, attempts") == ("HTTP 403: not for you", 1)


def test_a_403_of_a_region_that_answered_before_is_about_the_question(runner: Runner) -> None:
    faults: dict[str, Fault] = {"second": always(FORBIDDEN)}
    with endpoints(faults) as served:
        served.listing = http(500)
        done = runner.run(served.environment(), "first", "second", "third")
    assert done.code == 1
    assert set(runner.outcomes("q1").values()) == {("failed", "request_rejected")}
    assert set(runner.outcomes("q2").values()) == {ANSWERED}


def test_a_403_of_a_region_that_never_answered_ends_the_run(runner: Runner) -> None:
    with endpoints({"first": always(FORBIDDEN)}) as served:
        served.listing = http(500)
        done = runner.run(served.environment(), "first", "second")
    assert (done.code, done.document["errors"][0]["code"]) == (4, "credentials")
    assert served.asked("second") == (0, 0)


@pytest.mark.parametrize("body", [UNAUTHORIZED, http(401, {"error": {"code": "content_filter", "message": "no"}})])
def test_a_401_ends_the_run_even_after_answers(runner: Runner, body: bytes) -> None:
    with endpoints({"second": replies(body)}) as served:
        done = runner.run(served.environment(), "first", "second", "third", repeats=1)
    assert (done.code, done.document["errors"][0]["code"]) == (4, "credentials")
    assert served.asked("third") == (0, 0)
