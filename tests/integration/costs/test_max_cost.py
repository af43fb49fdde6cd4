"""A job that may not cost more than its limit, and what it says of its cost, at endpoints that are paid by token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.config import load_settings
from beacon_cli.errors import UsageError
from beacon_cli.fleet.submit import submit_job
from beacon_cli.records.load_job import stored_job
from beacon_cli.runs.request import RunRequest
from beacon_cli.store.connect import AsyncConnection
from beacon_cli.store.job_store import open_job_store
from tests.support.in_process import Done, beacon
from tests.support.openai_region import OpenAiRegion, openai_region

Connection = psycopg.Connection[tuple[Any, ...]]
PRICES = '[prices]\ndate = 2026-11-01\n[prices.models."llama3.2-1b"]\ninput = 1000\noutput = 10000\n'
# Of a call, by what the endpoint says: 12 tokens of input, 5 of output.
CALL = 12 * 0.001 + 5 * 0.01
# At most: a byte of the prompt may be a token, beside 50 of a template, and 10 of output.
MOST = (len("Question 0?") + 50) * 0.001 + 10 * 0.01


class Paid:
    """A job of six questions in one region that speaks OpenAI's API."""

    def __init__(self, folder: Path, url: str, us: OpenAiRegion) -> None:
        self.us = us
        self.url = url
        self.job = folder / "job.json"
        self.settings = folder / "beacon.toml"
        self.has_prices(PRICES)

    def has_prices(self, prices: str) -> None:
        region = f'[regions.us]\napi = "openai"\nbase_url = "{self.us.url}"\n'
        self.settings.write_text(f'{region}models = {{"llama3.2-1b" = {{name = "m-small"}}}}\n{prices}')

    def run(self, max_cost: float | None, *options: str) -> Done:
        self.job.write_text(
            json.dumps(
                {
                    "id": "paid",
                    "questions": [{"id": f"q{number}", "text": f"Question {number}?"} for number in range(6)],
                    "models": ["llama3.2-1b"],
                    "regions": ["US"],
                    "generation": {"max_tokens": 10},
                    "limits": {} if max_cost is None else {"max_cost": max_cost},
                }
            )
        )
        return beacon("run", str(self.job), "--no-check", *options, url=self.url)


@pytest.fixture
def paid(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Paid]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BEACON_DATA_DIR", str(tmp_path / "data"))
    with openai_region() as us:
        yield Paid(tmp_path, database_url, us)


def test_a_job_stops_before_its_limit_says_how_to_go_on_and_goes_on(paid: Paid, connection: Connection) -> None:
    limit = 2 * CALL + MOST + 0.001
    done = paid.run(limit, "--json")
    data = done.document["data"]
    assert (done.code, data["status"], data["counts"]["completed"]) == (1, "partial", 3)
    assert data["cost"]["job"]["cost"] == data["cost"]["run"]["cost"] == pytest.approx(3 * CALL)
    assert (data["cost"]["max_cost"], data["cost"]["sources"]) == (pytest.approx(limit), ["beacon.toml, 2026-11-01"])
    [problem] = done.document["errors"]
    assert "limits.max_cost is $0.29: $0.19 are spent, and the next call could pass it" in problem["message"]
    assert problem["hint"].startswith("raise the limit, then resume it with: ")
    assert data["cost"]["max_cost_exceeded"] is False
    again = paid.run(limit)
    assert (again.code, len(paid.us.asked)) == (1, 3)
    assert "to go on, set it to $0.35 or more in the job file" in again.out
    assert "resume, with a higher limit: " in again.out
    assert "cost by rows: $0.19 ($0.00 of it in this run), for 36 tokens of input and 15 of output" in again.out
    raised = paid.run(5, "--json")
    assert (raised.code, raised.document["data"]["status"], len(paid.us.asked)) == (0, "completed", 6)
    assert raised.document["data"]["cost"]["run"]["executions"] == 3
    assert connection.execute("SELECT count(*), count(DISTINCT question_id) FROM executions").fetchall() == [(6, 6)]


def test_who_looks_at_a_job_that_stopped_at_its_limit_is_told_why_until_it_goes_on(paid: Paid) -> None:
    paid.run(2 * CALL + MOST + 0.001)
    limit = "limits.max_cost is $0.29: $0.19 are spent, and the next call could pass it"
    why = f"{limit}; to go on, set it to $0.35 or more in the job file"
    sentence = f"paid is partial: {why}. To try it again: beacon run JOB_FILE --job-id paid"
    for arguments in (("jobs",), ("show", "paid"), ("check-db", "paid")):
        assert sentence in beacon(*arguments, url=paid.url).out.splitlines()
        shown = beacon(*arguments, "--json", url=paid.url).document["data"]
        assert (shown["jobs"][0] if arguments == ("jobs",) else shown)["reason"] == why
    bundle = beacon("bundle", "paid", "--partial", "--json", url=paid.url).document["data"]["path"]
    verified = beacon("verify", "bundle", bundle, "--json", url=paid.url).document["data"]
    assert [check["status"] for check in verified["checks"] if check["name"] == "audit"] == ["warn"]
    paid.run(5)
    for arguments in (("jobs",), ("show", "paid"), ("check-db", "paid")):
        assert "limits.max_cost" not in beacon(*arguments, url=paid.url).out


def test_a_price_that_is_not_known_is_refused_before_anything_is_asked_or_stored(
    paid: Paid, connection: Connection
) -> None:
    paid.has_prices("")
    done = paid.run(5, "--json")
    [error] = done.document["errors"]
    assert (done.code, paid.us.asked) == (2, [])
    assert error["message"] == (
        "limits.max_cost ($5.00) cannot be kept for llama3.2-1b in US: no price of its tokens is known"
    )
    assert 'set prices.models."llama3.2-1b"' in error["hint"]
    assert connection.execute("SELECT count(*) FROM executions").fetchall() == [(0,)]
    assert paid.run(None).code == 0


def test_a_plan_counts_what_is_left_and_what_answers_took_so_far(paid: Paid) -> None:
    first = paid.run(None, "--dry-run", "--json").document["data"]["cost"]
    assert (first["calls"], first["high"]) == (6, pytest.approx(6 * (6 * 0.001 + 10 * 0.01), rel=0.01))
    assert paid.run(None, "--question", "q1", "--question", "q2").code == 0
    cost = paid.run(None, "--dry-run", "--json").document["data"]["cost"]
    low, high = 4 * (5 * 0.001 + 2 * 0.01), 4 * (29 * 0.001 + 10 * 0.01)  # off by 2.4 after 2 answers
    assert (cost["calls"], cost["low"], cost["high"]) == (4, pytest.approx(low), pytest.approx(high))
    assert cost["assumptions"][0].startswith("answers take as long, and as many tokens, as this job's so far (1 lane")
    assert cost["lanes"][0]["sources"] == ["beacon.toml, 2026-11-01"]
    shown = paid.run(None, "--dry-run").out
    assert "cost: $0.10 to $0.52, for 4 calls" in shown
    assert "$1000 per 1M tokens of input, $10000 of output" in shown


def test_a_plan_without_a_price_says_so(paid: Paid) -> None:
    paid.has_prices("")
    done = paid.run(None, "--dry-run")
    assert done.code == 0
    assert "cost of llama3.2-1b in US: not known, because no price of its tokens is known" in done.out
    assert paid.run(None, "--dry-run", "--json").document["data"]["cost"]["low"] is None


def test_a_plan_says_that_the_database_could_not_be_read(paid: Paid) -> None:
    assert paid.run(None, "--dry-run").code == 0
    done = beacon("run", str(paid.job), "--dry-run", "--json", url="postgresql://127.0.0.1:1/nothing")
    cost = done.document["data"]["cost"]
    assert (done.code, cost["calls"]) == (0, 7)
    assert cost["assumptions"][0].startswith("no answer is stored yet (not known: ")


def test_a_submission_whose_limit_cannot_be_kept_is_refused(paid: Paid) -> None:
    paid.has_prices("")
    paid.run(3, "--dry-run")
    settings = load_settings(paid.settings)
    request = RunRequest(paid.job)
    with pytest.raises(UsageError, match=r"limits.max_cost \(\$3.00\) cannot be kept"):
        submit_job(request, settings, request.load(settings), "postgresql://127.0.0.1:1/nothing", 0)


def test_a_submission_replaces_the_limits_of_the_stored_job(paid: Paid, connection: Connection) -> None:
    assert paid.run(0.2).code == 1
    paid.run(3, "--dry-run")
    settings = load_settings(paid.settings)
    job = RunRequest(paid.job).load(settings)

    async def enqueue(_connection: AsyncConnection) -> None:
        return None

    async def submit() -> None:
        folder = settings.journal_path()
        async with open_job_store(paid.url, job, "paid", batching=None, journal_folder=folder, notify=print) as store:
            await store.submit(enqueue)

    asyncio.run(submit())
    assert connection.execute("SELECT status, spec -> 'limits' FROM jobs").fetchall() == [("created", {"max_cost": 3})]
    resumed = stored_job(paid.url, "paid", regions=settings.vocabulary.regions)
    assert (resumed.limits.max_cost, resumed.spec_sha256) == (3, job.spec_sha256)
