"""A run that meets a rate limit of OpenAI's kind, and one whose parameters an endpoint does not take."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.in_process import Done, beacon
from tests.support.openai_servers import Azure, OpenAI, serving

MODEL = "llama3.2-1b"
JOB = {
    "id": "limited",
    "questions": [{"id": f"q{number}", "text": f"What is {number} + 2?"} for number in range(3)],
    "models": [MODEL],
    "regions": ["US", "EU"],
    "repeats": 2,
    "generation": {"seed": 7, "max_tokens": 50},
}

Run = Callable[..., Done]


@pytest.fixture
def us() -> Iterator[OpenAI]:
    with serving(OpenAI()) as server:
        yield server


@pytest.fixture
def eu() -> Iterator[Azure]:
    with serving(Azure(models=("small",))) as server:
        yield server


@pytest.fixture
def run(tmp_path: Path, us: OpenAI, eu: Azure, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BEACON_DATA_DIR", str(tmp_path / "data"))
    Path("job.json").write_text(json.dumps(JOB))
    Path("beacon.toml").write_text(
        "".join(
            f'[regions.{name}]\napi = "openai"\nbase_url = "{server.base_url}"\nmodels."{MODEL}".name = "small"\n'
            for name, server in (("us", us), ("eu", eu))
        )
    )
    return lambda *options: beacon("run", "job.json", "--events", "events.jsonl", *options, url=database_url)


def events(kind: str) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in Path("events.jsonl").read_text().splitlines()]
    return [event for event in found if event["event"] == kind]


def test_a_rate_limit_pauses_its_region_for_as_long_as_it_says_and_the_other_goes_on(
    run: Run, us: OpenAI, eu: Azure
) -> None:
    eu.busy, eu.retry_after_ms = 1, 1300
    done = run("--no-check", "--json")
    assert (done.code, done.document["data"]["status"]) == (0, "completed"), done.err
    (paused,), (resumed,) = events("region_paused"), events("region_resumed")
    assert (paused["region"], resumed["region"], paused["why"][:9]) == ("EU", "EU", "HTTP 429:")
    assert 1.3 < paused["next_check_seconds"] < 2.5, "Azure's Retry-After would be a whole second"
    assert resumed["paused_seconds"] > 1.3
    assert (len(us.posts), len(eu.posts)) == (6, 1 + 6)


def test_an_answer_that_says_that_nothing_is_left_is_an_answer(run: Run, us: OpenAI) -> None:
    us.remaining, us.reset = 0, "60ms"
    assert run("--json").code == 0
    assert len(us.posts) == 1 + 6


@pytest.mark.parametrize(
    ("refused", "instead", "hint"),
    [
        ("seed", None, "seed is set in generation of the job"),
        ("max_tokens", "max_completion_tokens", 'regions.eu.token_parameter = "max_completion_tokens"'),
    ],
)
def test_a_refused_parameter_stops_the_run_before_anything_is_stored(
    run: Run, us: OpenAI, eu: Azure, database_url: str, refused: str, instead: str | None, hint: str
) -> None:
    eu.refuses = {refused: instead}
    done = run()
    assert done.code == 3
    assert f"does not accept the job's questions (HTTP 400: Unsupported parameter: '{refused}'" in done.err
    assert hint in done.err
    assert len(eu.posts) == 1
    assert us.questions in ([], ["What is 2+2?"])
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM executions").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (0,)


def test_a_server_of_ones_own_that_takes_no_seed_is_asked_anyway_with_no_check(
    run: Run, us: OpenAI, eu: Azure, database_url: str
) -> None:
    eu.refuses = {"seed": None}
    done = run("--no-check", "--json")
    assert done.code == 1
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT region, status, count(*) FROM executions GROUP BY 1, 2 ORDER BY 1").fetchall()
    assert rows == [("EU", "failed", 6), ("US", "completed", 6)]
