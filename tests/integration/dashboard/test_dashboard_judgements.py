"""The pages of verdicts, of the audit and of costs: what `compare`, `check-db` and `costs` say, in the same words."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx2
import psycopg
import pytest

from beacon_cli.dashboard.addresses import job_address
from beacon_cli.dashboard.comparisons import Comparisons, Failed, Making, Request
from beacon_cli.records.stamp import Stamp
from tests.support import audit_jobs, hostile_job, many_cells, noisy_jobs
from tests.support.audit_jobs import JOB, MODELS
from tests.support.dashboard_client import looking, stranger
from tests.support.dashboard_server import serving
from tests.support.in_process import beacon
from tests.support.many_cells import ManyCells
from tests.support.noisy_jobs import NoisyJob
from tests.support.shown_page import ShownPage, shown
from tests.support.vocabulary import VOCABULARY

Connection = psycopg.Connection[tuple[Any, ...]]
_PATIENCE_SECONDS = 300


def compared(client: Any, job_id: str = JOB) -> ShownPage:
    """Return the page of verdicts, as soon as they are there."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        response = client.get(job_address(job_id, "compare"))
        page = shown(response)
        if "This page reloads" not in page.text:
            return page
        [refresh] = [node for node in page.nodes if node.attributes.get("http-equiv") == "refresh"]
        assert refresh.attributes["content"] == "2"
        time.sleep(0.1)
    raise AssertionError("the comparison took too long")


@pytest.fixture
def client(database_url: str) -> Iterator[Any]:
    """Somebody who was let in; what is still being compared at the end is given up."""
    client, site = stranger(database_url)
    with closing(site):
        client.get("/", params={"token": site.token})
        yield client


def test_verdicts_are_those_of_compare_and_kept_until_they_are_wanted_anew(
    connection: Connection, database_url: str, client: Any
) -> None:
    noisy_jobs.store(connection, NoisyJob())
    first = shown(client.get(f"/jobs/{JOB}/compare"))
    assert "Comparing for " in first.text
    assert "This page reloads every 2 seconds." in first.text
    page = compared(client)
    assert page.texts("h2") == [
        "Findings before any verdict",
        "Do answers differ between regions more than inside one?",
        "What became of the answers, region by region",
        "In which questions?",
        "Map of effects",
        "Answers side by side",
    ]
    assert "by the analysis that the job file plans, or by the defaults if it plans none" in page.text
    assert "Analysis not planned before the first answer; the defaults: lexical, rate 0.05" in page.text
    told = beacon("compare", JOB, "--json", url=database_url).document["data"]
    assert page.texts("li").count("1 ≠ different") == told["verdicts"]["different"] == 1
    assert page.links("All answers")[0] == f"/jobs/{JOB}/answers?question=q0&model={MODELS[0]}"
    assert client.get("/compare.js").headers["content-type"] == "text/javascript; charset=utf-8"
    assert "since then" not in page.text
    assert page.texts("button").count("Compare anew") == 1
    connection.execute("DELETE FROM executions WHERE region = 'US' AND repeat = 0 AND question_id = 'q0'")
    page = shown(client.get(f"/jobs/{JOB}/compare"))
    assert "The job has changed since then." in page.text
    anew = client.get(f"/jobs/{JOB}/compare?anew=1")
    assert (anew.status_code, anew.headers["location"]) == (303, f"/jobs/{JOB}/compare")
    assert "Comparing for " in shown(client.get(f"/jobs/{JOB}/compare")).text


def test_every_result_is_on_some_page_and_can_be_searched(connection: Connection, client: Any) -> None:
    many_cells.store(connection, ManyCells(questions=30, repeats=1))
    address = f"/jobs/{JOB}/compare/results"
    assert client.get(address).headers["location"] == f"/jobs/{JOB}/compare"
    assert address in compared(client).links("Every result, page by page (60)")
    first = shown(client.get(address))
    assert (len(first.texts("tr")), first.texts("caption")) == (51, ["60 results, in the order of the questions"])
    [following] = first.links("Next page")
    assert len(shown(client.get(following)).texts("tr")) == 11
    found = shown(client.get(f"{address}?text=Q12&inside={MODELS[0]}&verdict=untestable"))
    assert (len(found.texts("tr")), found.texts("th")[-1]) == (2, "q12")
    assert "No result fits." in shown(client.get(f"{address}?verdict=better")).text
    assert "There are no more results." in shown(client.get(f"{address}?page=9")).text


def test_why_there_is_no_comparison_is_said_once_and_then_it_is_tried_again(database_url: str) -> None:
    stamp = Stamp(0, None, None)
    with closing(Comparisons(database_url, VOCABULARY)) as comparisons:
        found: Any = comparisons.of("none", stamp)
        until = time.monotonic() + _PATIENCE_SECONDS
        while isinstance(found, Making) and time.monotonic() < until:
            found = comparisons.of("none", stamp)
            time.sleep(0.05)
        assert found == Failed("no job 'none' in this database", "there are no jobs in this database yet")
        assert isinstance(comparisons.of("none", stamp), Making)


def test_the_end_does_not_wait_for_comparisons(connection: Connection, database_url: str) -> None:
    many_cells.store(connection, ManyCells(questions=400, repeats=8))
    comparisons = Comparisons(database_url, VOCABULARY)
    asked = [comparisons.of(job_id, Stamp(0, None, None)) for job_id in (JOB, "another")]
    assert [isinstance(each, Making) for each in asked] == [True, True]
    began = time.monotonic()
    comparisons.close()
    assert time.monotonic() - began < 30


def test_a_comparison_ends_with_the_dashboard_that_wants_it(connection: Connection, database_url: str) -> None:
    many_cells.store(connection, ManyCells(questions=400, repeats=8))
    child = subprocess.Popen(
        [sys.executable, "-m", "beacon_cli.dashboard.comparing"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert child.stdin is not None
    with child:
        child.stdin.write(pickle.dumps(Request(database_url, JOB, VOCABULARY)))
        child.stdin.flush()
        assert child.poll() is None
    assert child.returncode == 1


@pytest.mark.parametrize("broken", [False, True])
def test_the_audit_says_what_check_db_says(connection: Connection, database_url: str, broken: bool) -> None:
    audit_jobs.seed(connection)
    if broken:
        connection.execute(
            "UPDATE executions SET status = 'failed', response = NULL, error_code = 'server_error'"
            " WHERE region = 'EU' AND question_id = 'math_basic' AND model_id = %s",
            [MODELS[0]],
        )
    page = shown(looking(database_url).get(f"/jobs/{JOB}/audit"))
    told = beacon("check-db", JOB, url=database_url).out
    data = beacon("check-db", JOB, "--json", url=database_url).document["data"]
    [verdict] = [line for line in told.splitlines() if line.startswith(("ok: ", "not ok: "))]
    assert f"{'✗' if broken else '✓'} {verdict.split(';')[0]}" in page.text
    for check in data["checks"]:
        assert f"{check['name']} " in page.text
        assert broken or check["detail"] in page.text
    assert ("1 × failed: server_error (EU 1)" in page.text) is broken
    assert (f"math_basic · {MODELS[0]} · EU: failed: server_error; 1 row, 0 answers of 1" in page.text) is broken
    assert ("math_basic llama3.2-1b 1/1 0/1 1/1" in page.text) is broken


def test_costs_are_those_of_the_command(connection: Connection, database_url: str) -> None:
    noisy_jobs.store(connection, NoisyJob(questions=1, repeats=2))
    connection.execute(
        "UPDATE executions SET output_data = %s, provider_id = 'modal-us-1'",
        [json.dumps({"gpu": "Tesla T4", "inference_time": 2.0, "success": True})],
    )
    page = shown(looking(database_url).get(f"/jobs/{JOB}/costs"))
    told = beacon("costs", JOB, "--no-billing", "--json", url=database_url).document["data"]
    assert told["executions"] == 12
    assert [node for node in page.texts("caption") if node.startswith("By ")] == [
        f"By {by}: seconds at the models, tokens of input and of output, and the cost in US dollars"
        for by in ("region", "model", "run")
    ]
    shown_text = " ".join(beacon("costs", JOB, "--no-billing", url=database_url).out.split())
    for word in ("US 4", "EU 4", "ASIA 4", "all 12"):
        assert word in page.text
        assert word in shown_text


def test_nothing_asked_costs_nothing(connection: Connection, database_url: str) -> None:
    audit_jobs.add_job(connection)
    client = looking(database_url)
    assert "Nothing was asked, so nothing was paid." in shown(client.get(f"/jobs/{JOB}/costs")).text
    assert "No answers are stored yet." in shown(client.get(f"/jobs/{JOB}/answers")).text


@pytest.mark.fault(51, "answers, ids, names and errors that are scripts, markup, styles, templates, in the dashboard")
def test_no_text_of_a_job_can_act_in_any_page(connection: Connection, database_url: str) -> None:
    hostile_job.store(connection)
    numbers = [number for (number,) in connection.execute("SELECT id FROM executions ORDER BY id").fetchall()]
    with serving(database_url) as (address, token), httpx2.Client(base_url=address) as client:
        client.get("/", params={"token": token})
        pages = [client.get(job_address(hostile_job.JOB, f"answers/{number}")) for number in numbers]
        pages += [client.get(job_address(hostile_job.JOB, name)) for name in ("answers", "audit", "costs")]
        search = job_address(hostile_job.JOB, "answers", text="<script>", question=hostile_job.QUESTION)
        pages.append(client.get(search))
        for response in pages:
            shown(response).require_inert()
        compared(client, hostile_job.JOB).require_inert()
        shown(client.get(job_address(hostile_job.JOB, "compare/results", text="<b>"))).require_inert()
        shown(client.get(job_address(hostile_job.JOB, "compare/results"))).require_inert()
        text = client.get(job_address(hostile_job.JOB, f"answers/{numbers[9]}/text"))
    joined = " ".join(shown(response).text for response in pages)
    for part in (*hostile_job.ANSWERS[:5], r"\x1b[31mred\x1b[0m \u202etxet", "{{7*7}}", r"nul\x00 \ud800"):
        assert part in joined
    assert set(shown(pages[-1]).texts("mark")) == {"<script>"}
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert text.text.startswith(r"\x1b[31mred\x1b[0m \u202etxet")
